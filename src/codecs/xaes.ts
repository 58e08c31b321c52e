import { createCipheriv, createDecipheriv, hkdfSync } from 'node:crypto'
import type { KeyObject } from 'node:crypto'

/** The bytes of a nonce: so many that random ones never meet. */
export const NONCE_BYTES = 24
/** The bytes of an authentication tag. */
export const TAG_BYTES = 16

/** Authenticated encryption under one key. Boxes are nonce, ciphertext and tag in a row. */
export interface Xaes {
  /** The box of `plain`, bound to `bound`; `nonce` must be fresh random bytes. */
  encrypt(nonce: Buffer, plain: Buffer, bound: Buffer): Buffer
  /** What was encrypted, or null unless `box` is authentic and bound to `bound`. `box` must hold a nonce and a tag. */
  decrypt(box: Buffer, bound: Buffer): Buffer | null
}

/** XAES-256-GCM (c2sp.org/XAES-256-GCM) under a key that HKDF-SHA256 derives from `secret` for `purpose`. */
export function xaes(secret: KeyObject, purpose: string): Xaes {
  return xaesWithKey(Buffer.from(hkdfSync('sha256', secret, '', purpose, 32)))
}

/** XAES-256-GCM under this very key of 32 bytes: exported for the specification's test vectors. */
export function xaesWithKey(key: Buffer): Xaes {
  // Whole blocks in ECB mode leave no state behind, so one cipher object serves all messages as the bare block function.
  const blocks = createCipheriv('aes-256-ecb', key, null).setAutoPadding(false)
  const subkey = doubled(blocks.update(Buffer.alloc(16)))

  /** NIST SP 800-108r1 in counter mode with CMAC, spelled out for its two one-block messages. */
  function messageKey(nonce: Buffer): Buffer {
    const input = Buffer.alloc(32)
    for (let half = 0; half < 2; half++) {
      const block = input.subarray(16 * half, 16 * half + 16)
      block[1] = half + 1
      block[2] = 0x58
      nonce.copy(block, 4, 0, 12)
      for (let i = 0; i < 16; i++) block[i]! ^= subkey[i]!
    }
    return blocks.update(input)
  }

  return {
    encrypt(nonce, plain, bound) {
      const cipher = createCipheriv('aes-256-gcm', messageKey(nonce), nonce.subarray(12))
      cipher.setAAD(bound)
      return Buffer.concat([nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()])
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
