/* What keeps a target from being met, for the rows of the page that are missed: found by profiles, not by the run itself. */

export const bounds = {
  floor: `What the floor leaves out is a fixed price: about 3 µs in the engine (every value at rest by itself, so that changes
can be noticed and merged; duplicate cookies; the dictionary) and 1.5 µs at the response (the head waits for the save; \`Vary\`),
3 µs more where the save must be awaited. Beside one look into a map it is most of what there is.
To seal and open costs what the floor’s does. Flask’s format signs, compresses and reads Python’s JSON without loss. On
Express a middleware is a layer of its own, 2 to 3 µs, and so are the two properties it gives to a request
([decision 015](decisions/015-express-inherits-its-guards.md)).`,
  peer: `Where a peer is cheaper it does less: libsodium’s secretbox instead of AES-GCM by OpenSSL, a cookie that is neither
compressed nor shared with Flask, a write without comparing.`,
  rate: `0.98 is 0.3 µs of the 14 that such a request costs. A visit that nobody looks at is opened and its response guarded,
0.5 µs on node:http and Fastify, one promise more on Koa, a layer and two hidden classes on Express; what is more in S3c is a store that is
read before the handler runs, unless the sessions are \`lazy\` ([decision 013](decisions/013-lazy-sessions.md)); the rest is
the noise of this machine.`,
  commands: `A store across a network is read before the handler runs, so that \`req.session.name\` can be synchronous; with
\`lazy: true\` an unused session costs none ([decision 013](decisions/013-lazy-sessions.md)).`,
  frontDoor: `Without any error text it would be 10 kB: merging, both kinds of places (store and cookie), the breaker and deadlines,
events and what the inspector asks for are one class each and all reachable from \`createSessions\`.`,
  whole: `The file store is the largest there is: it locks, sweeps and repairs without a native module. With the memory store it
is 17 kB, a quarter of it error texts.`,
}
