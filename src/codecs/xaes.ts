import { createCipheriv, createDecipheriv, hkdfSync } from 'node:crypto'
import type { KeyObject } from 'node:crypto'

/** The bytes of a nonce: so many that random ones never meet. */
export const NONCE_BYTES = 24
/** The bytes of an authentication tag. */
export const TAG_BYTES = 16

/** Authenticated encryption under one key. Boxes are nonce, ciphertext and tag in a row. */
export interface Xaes {
  /** The box of `plain`, bound to `bound`, with `head` before it in the clear; `nonce` must be fresh random bytes. */
  encrypt(nonce: Buffer, plain: Buffer, bound: Buffer, head?: Buffer): Buffer
  /** What was encrypted, or null unless `box` is authentic and bound to `bound`. `box` must hold a nonce and a tag. */
  decrypt(box: Buffer, bound: Buffer): Buffer | null
}

const nothing = Buffer.alloc(0)

/** XAES-256-GCM (c2sp.org/XAES-256-GCM) under a key that HKDF-SHA256 derives from `secret` for `purpose`. */
export function xaes(secret: KeyObject, purpose: string): Xaes {
  return xaesWithKey(Buffer.from(hkdfSync('sha256', secret, '', purpose, 32)))
}

/** XAES-256-GCM under this very key of 32 bytes: exported for the specification's test vectors. */
export function xaesWithKey(key: Buffer): Xaes {
  // Whole blocks in ECB mode leave no state behind, so one cipher object serves all messages as the bare block function.
  const blocks = createCipheriv('aes-256-ecb', key, null).setAutoPadding(false)
  const subkey = doubled(blocks.update(Buffer.alloc(16)))
  // NIST SP 800-108r1 in counter mode with CMAC, spelled out for its two one-block messages, which end with the nonce.
  const messages = Buffer.concat([subkey, subkey])
  messages[1]! ^= 1
  messages[17]! ^= 2
  messages[2]! ^= 0x58
  messages[18]! ^= 0x58
  const input = Buffer.alloc(32)

  function messageKey(nonce: Buffer): Buffer {
    input.set(messages)
    for (let i = 0; i < 12; i++) {
      input[4 + i]! ^= nonce[i]!
      input[20 + i]! ^= nonce[i]!
    }
    return blocks.update(input)
  }

  return {
    encrypt(nonce, plain, bound, head = nothing) {
      const cipher = createCipheriv('aes-256-gcm', messageKey(nonce), nonce.subarray(12))
      cipher.setAAD(bound)
      // The last step answers no bytes: GCM is a stream.
      return Buffer.concat([head, nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()])
    },
    decrypt(box, bound) {
      const nonce = box.subarray(0, NONCE_BYTES)
      const decipher = createDecipheriv('aes-256-gcm', messageKey(nonce), nonce.subarray(12), {
        authTagLength: TAG_BYTES,
      })
      decipher.setAAD(bound)
      decipher.setAuthTag(box.subarray(-TAG_BYTES))
      const plain = decipher.update(box.subarray(NONCE_BYTES, -TAG_BYTES))
      try {
        decipher.final()
      } catch {
        return null // the one thing final() reports: the tag does not fit
      }
      return plain
    },
  }
}

/** Multiplication by x in GF(2^128): CMAC's first subkey from the encrypted zero block. */
function doubled(block: Buffer): Buffer {
  const out = Buffer.alloc(16)
  for (let i = 0; i < 16; i++) out[i] = (block[i]! << 1) | ((block[i + 1] ?? 0) >> 7)
  if (block[0]! & 0x80) out[15]! ^= 0x87
  return out
}
