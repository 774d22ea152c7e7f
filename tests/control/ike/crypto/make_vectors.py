#!/usr/bin/env python3
"""Prints vectors.h: known answers computed by implementations that share nothing with control/ike/crypto.

Python's hmac and hashlib, python3-cryptography's one-shot AEADs and ciphers, and for the MODP primes the formula of
RFC 2409 and RFC 3526 over an integer pi. Run: tools/run python3 tests/control/ike/crypto/make_vectors.py > .../vectors.h
"""

import hashlib
import hmac

from cryptography.hazmat.primitives import cmac
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESCCM, AESGCM, ChaCha20Poly1305

try:
    from cryptography.hazmat.decrepit.ciphers.algorithms import Camellia, TripleDES
except ImportError:
    from cryptography.hazmat.primitives.ciphers.algorithms import Camellia, TripleDES


def octets(label, count):
    """Reproducible octets without structure."""
    out = b''
    while len(out) < count:
        out += hashlib.sha256(f'{label}/{len(out)}'.encode()).digest()
    return out[:count]


def aes_cmac(key, data):
    c = cmac.CMAC(algorithms.AES(key))
    c.update(data)
    return c.finalize()


def block(algorithm, data):
    e = Cipher(algorithm, modes.ECB()).encryptor()
    return e.update(data) + e.finalize()


def xor(a, b):
    return bytes(x ^ y for x, y in zip(a, b))


def aes_xcbc(key, data):
    """RFC 3566 4, block by block."""
    k1, k2, k3 = (block(algorithms.AES(key), bytes([n]) * 16) for n in (1, 2, 3))
    whole = data and len(data) % 16 == 0
    data = data if whole else data + b'\x80' + bytes(-(len(data) + 1) % 16)
    blocks = [data[i:i + 16] for i in range(0, len(data), 16)]
    blocks[-1] = xor(blocks[-1], k2 if whole else k3)
    e = bytes(16)
    for b in blocks:
        e = block(algorithms.AES(k1), xor(e, b))
    return e


def camellia_ccm(key, nonce, text, associated, tag):
    """RFC 3610 2, block by block; the nonce is RFC 5529's 11 octets."""
    def padded(b):
        return b + bytes(-len(b) % 16)
    cipher = Camellia(key)
    mac = bytes(16)
    head = bytes([0x40 | (tag - 2) // 2 << 3 | 3]) + nonce + len(text).to_bytes(4, 'big')
    todo = head + padded(len(associated).to_bytes(2, 'big') + associated) + padded(text)
    for i in range(0, len(todo), 16):
        mac = block(cipher, xor(mac, todo[i:i + 16]))
    stream = [block(cipher, bytes([3]) + nonce + n.to_bytes(4, 'big')) for n in range(2 + len(text) // 16)]
    return xor(text, b''.join(stream[1:])) + xor(mac, stream[0])[:tag]


def prf(name, key, data):
    if name == 'AesXcbc':                                                            # RFC 4434 2
        return aes_xcbc(key + bytes(16 - len(key)) if len(key) <= 16 else aes_xcbc(bytes(16), key), data)
    if name == 'AesCmac':
        return aes_cmac(key if len(key) == 16 else aes_cmac(bytes(16), key), data)   # RFC 4615 3
    return hmac.new(key, data, name[4:].lower()).digest()


def prf_plus(name, key, seed, count):
    out, last = b'', b''
    for counter in range(1, 256):
        last = prf(name, key, last + seed + bytes([counter]))
        out += last
        if len(out) >= count:
            return out[:count]
    raise ValueError('too long')


def kdf_rows():
    """One suite per PRF: SKEYSEED, the seven keys joined, SKEYSEED of a rekey, and KEYMAT of a child with and without PFS."""
    suites = [('HmacSha1', 'AesCbc', 128, 16, 'HmacSha1_96', 20, 20), ('HmacSha256', 'AesGcm16', 256, 36, 'None', 0, 32),
              ('HmacSha384', 'AesCbc', 256, 32, 'HmacSha384_192', 48, 48), ('HmacSha512', 'ChaCha20Poly1305', 256, 36, 'None', 0, 64),
              ('AesCmac', 'AesCtr', 128, 20, 'AesCmac96', 16, 16), ('AesXcbc', 'CamelliaCbc', 256, 32, 'AesXcbc96', 16, 16)]
    for name, encr, bits, encr_len, integ, integ_len, prf_len in suites:
        ni, nr, secret = octets(name + 'ni', 32), octets(name + 'nr', 24), octets(name + 'g^ir', 66)
        spi_i, spi_r = octets(name + 'spi_i', 8), octets(name + 'spi_r', 8)
        key = ni[:8] + nr[:8] if name in ('AesCmac', 'AesXcbc') else ni + nr                       # RFC 7296 2.14
        skeyseed = prf(name, key, secret)
        keys = prf_plus(name, skeyseed, ni + nr + spi_i + spi_r, 3 * prf_len + 2 * integ_len + 2 * encr_len)
        sk_d = keys[:prf_len]
        rekeyed = prf(name, sk_d, secret + ni + nr)
        child_len = 2 * (encr_len + integ_len)
        child, child_pfs = prf_plus(name, sk_d, ni + nr, child_len), prf_plus(name, sk_d, secret + ni + nr, child_len)
        print(f'    {{{{EncrId::k{encr}, {bits}, IntegId::k{integ}, PrfId::k{name}}}, "{ni.hex()}", "{nr.hex()}", "{secret.hex()}", '
              f'0x{spi_i.hex()}, 0x{spi_r.hex()}, "{skeyseed.hex()}", "{keys.hex()}", "{rekeyed.hex()}", "{child.hex()}", '
              f'"{child_pfs.hex()}"}},')


def padded(encr, plain):
    """The least padding, as Seal makes it."""
    pad = -(len(plain) + 1) % {'AesCbc': 16, 'CamelliaCbc': 16, '3Des': 8}.get(encr, 1)
    return plain + bytes(pad) + bytes([pad])


def seal(encr, integ, key, integ_key, header, text, random_block):
    """IV | ciphertext | ICV as the first message of a cipher with IV generation 5 must be; `text` ends in its padding."""
    counter_iv = (5 << 48).to_bytes(8, 'big')
    if encr.endswith(('Cbc', 'Ctr', 'Des')):
        algorithm = {'Aes': algorithms.AES, 'Cam': Camellia, '3De': TripleDES}[encr[:3]]
        if not encr.endswith('Ctr'):
            iv = random_block[:8] if encr == '3Des' else random_block
            mode = modes.CBC(iv)
        else:
            iv = counter_iv
            mode = modes.CTR(key[-4:] + iv + b'\0\0\0\1')
            key = key[:-4]
        if encr == 'CamelliaCtr':                                                     # which python3-cryptography does not have
            counters = (mode.nonce[:12] + n.to_bytes(4, 'big') for n in range(1, 2 + len(text) // 16))
            body = iv + xor(text, b''.join(block(Camellia(key), c) for c in counters))
        else:
            e = Cipher(algorithm(key), mode).encryptor()
            body = iv + e.update(text) + e.finalize()
        if integ == 'AesCmac96':
            return body + aes_cmac(integ_key, header + body)[:12]
        if integ == 'AesXcbc96':
            return body + aes_xcbc(integ_key, header + body)[:12]
        digest, icv = {'HmacSha1_96': ('sha1', 12), 'HmacSha256_128': ('sha256', 16), 'HmacSha384_192': ('sha384', 24),
                       'HmacSha512_256': ('sha512', 32)}[integ]
        return body + hmac.new(integ_key, header + body, digest).digest()[:icv]
    salt = 3 if 'Ccm' in encr else 4
    key, nonce = key[:-salt], key[-salt:] + counter_iv
    if encr.startswith('CamelliaCcm'):
        sealed = camellia_ccm(key, nonce, text, header, int(encr[11:]))
    elif encr.startswith('AesCcm'):
        sealed = AESCCM(key, tag_length=int(encr[6:])).encrypt(nonce, text, header)
    elif encr.startswith('AesGcm'):                                                   # a shorter tag is the full one's beginning
        sealed = AESGCM(key).encrypt(nonce, text, header)[:len(text) + int(encr[6:])]
    else:
        sealed = ChaCha20Poly1305(key).encrypt(nonce, text, header)
    return counter_iv + sealed


def seal_rows():
    suites = [(f'{mode}{tag}', bits, 'None') for mode in ('AesGcm', 'AesCcm', 'CamelliaCcm') for tag in (8, 12, 16) for bits in (128, 192, 256)]
    suites += [('ChaCha20Poly1305', 256, 'None')]
    suites += [('AesCbc', bits, integ) for bits in (128, 192, 256) for integ in ('HmacSha256_128', 'HmacSha384_192', 'HmacSha512_256')]
    suites += [(mode, bits, 'HmacSha256_128') for mode in ('CamelliaCbc', 'CamelliaCtr') for bits in (128, 192, 256)]
    suites += [('AesCtr', 192, 'HmacSha512_256'), ('3Des', 192, 'HmacSha1_96'), ('AesCbc', 256, 'AesXcbc96'), ('AesCtr', 128, 'AesXcbc96')]
    suites += [('AesCbc', 128, 'HmacSha1_96'), ('AesCbc', 128, 'AesCmac96'), ('AesCtr', 128, 'HmacSha256_128'), ('AesCtr', 256, 'HmacSha256_128')]
    integ_keys = {'None': 0, 'HmacSha1_96': 20, 'AesCmac96': 16, 'AesXcbc96': 16, 'HmacSha256_128': 32, 'HmacSha384_192': 48, 'HmacSha512_256': 64}
    for encr, bits, integ in suites:
        salt = 3 if 'Ccm' in encr else 0 if encr.endswith(('Cbc', 'Des')) else 4
        key, integ_key = octets(f'{encr}{bits}', bits // 8 + salt), octets(f'{integ}', integ_keys[integ])
        header, plain, block = octets('header', 32), octets('plain', 45), octets('iv', 16)
        sealed = seal(encr, integ, key, integ_key, header, padded(encr, plain), block)
        print(f'    {{EncrId::k{encr}, {bits}, IntegId::k{integ}, "{key.hex()}", "{integ_key.hex()}", "{sealed.hex()}"}},')


def padding_rows():
    """Messages of peers that pad otherwise: (octets in all, pad length); the plaintext is the rest where there is one."""
    for encr, bits, integ, salt, integ_len in (('AesGcm16', 256, 'None', 4, 0), ('ChaCha20Poly1305', 256, 'None', 4, 0),
                                              ('AesCcm16', 128, 'None', 3, 0), ('CamelliaCcm16', 256, 'None', 3, 0), ('AesCbc', 256, 'HmacSha256_128', 0, 32),
                                              ('AesCtr', 128, 'HmacSha256_128', 4, 32)):
        key, integ_key = octets(f'padding{encr}', bits // 8 + salt), octets('padding', integ_len)
        for total, pad in ((64, 0), (64, 3), (64, 62), (64, 63), (64, 64), (64, 255), (16, 15), (16, 16), (272, 255), (512, 255)):
            text = octets('padded', total - 1) + bytes([pad])
            sealed = seal(encr, integ, key, integ_key, octets('header', 32), text, octets('iv', 16))
            plain = f'"{text[:total - 1 - pad].hex()}"' if pad < total else 'nullptr'
            print(f'    {{{{EncrId::k{encr}, {bits}, IntegId::k{integ}, "{key.hex()}", "{integ_key.hex()}", "{sealed.hex()}"}}, {plain}}},')


def pi_digits(bits):
    """floor(pi * 2^bits), by Machin's formula in integers."""
    one = 1 << (bits + 64)

    def arctan_inverse(x):
        total, term, n = 0, one // x, 1
        while term:
            total += term // n if n % 4 == 1 else -(term // n)
            term //= x * x
            n += 2
        return total
    return 4 * (4 * arctan_inverse(5) - arctan_inverse(239)) >> 64


def modp_rows():
    for n, c in ((1024, 129093), (1536, 741804), (2048, 124476), (3072, 1690314), (4096, 240904), (6144, 929484), (8192, 4743158)):
        p = 2 ** n - 2 ** (n - 64) - 1 + 2 ** 64 * (pi_digits(n - 130) + c)
        a, b = (int.from_bytes(octets(f'modp{n}{side}', 32), 'big') for side in 'ab')
        size = n // 8
        digest = [hashlib.sha256(v.to_bytes(size, 'big')).hexdigest() for v in (p, pow(2, a * b, p))]
        print(f'    {{KeGroup::kModp{n}, "{a.to_bytes(32, "big").hex()}", "{b.to_bytes(32, "big").hex()}", "{digest[0]}", "{digest[1]}"}},')


def psk_rows():
    for name in ('HmacSha256', 'HmacSha384', 'HmacSha512'):
        secret, message, nonce, sk_p, ident = b'a shared secret', octets('message', 300), octets('nonce', 32), octets('sk_p', 48), octets('id', 12)
        auth = prf(name, prf(name, secret, b'Key Pad for IKEv2'), message + nonce + prf(name, sk_p, ident))
        print(f'    {{PrfId::k{name}, "{secret.decode()}", "{message.hex()}", "{nonce.hex()}", "{sk_p.hex()}", "{ident.hex()}", "{auth.hex()}"}},')


print('''#pragma once

#include "control/ike/crypto/kdf_v2.h"

// Made by make_vectors.py (see there for what computes them); do not edit.
namespace culvert::ike::vectors {

struct Kdf {
  IkeSuite suite;
  const char *nonce_i, *nonce_r, *secret;
  uint64_t spi_i, spi_r;
  const char *skeyseed, *keys, *rekeyed, *child, *child_pfs;  // keys: SK_d | SK_ai | SK_ar | SK_ei | SK_er | SK_pi | SK_pr
};
inline constexpr Kdf kKdf[] = {''')
kdf_rows()
print(f'''}};

// The first message sealed with IV generation 5; CBC's random IV is kSealIv.
inline constexpr const char* kSealHeader = "{octets('header', 32).hex()}";
inline constexpr const char* kSealPlain = "{octets('plain', 45).hex()}";
inline constexpr const char* kSealIv = "{octets('iv', 16).hex()}";
struct Sealed {{
  EncrId encr;
  uint16_t key_bits;
  IntegId integ;
  const char *sk_e, *sk_a, *sealed;
}};
inline constexpr Sealed kSealed[] = {{''')
seal_rows()
print('''};

struct Padded {
  Sealed sealed;
  const char* plain;  // nullptr: more padding than octets
};
inline constexpr Padded kPadded[] = {''')
padding_rows()
print('''};

struct Modp {
  KeGroup group;
  const char *a, *b;                     // private values
  const char *prime_sha256, *secret_sha256;  // of p and of 2^ab mod p, padded to the prime
};
inline constexpr Modp kModp[] = {''')
modp_rows()
print('''};

struct Psk {
  PrfId prf;
  const char *secret, *message, *nonce, *sk_p, *id_body, *auth;
};
inline constexpr Psk kPsk[] = {''')
psk_rows()
print('''};

}  // namespace culvert::ike::vectors''')
