#!/usr/bin/env python3
"""Prints signature_vectors.h: AUTH payloads put together by hand from python3-cryptography's signatures and the RFCs' octets.

Run: tools/run python3 tests/control/ike/crypto/make_signature_vectors.py > .../signature_vectors.h
Signatures are randomised, so each run prints others, as good.
"""

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

MESSAGE = b'what AUTH covers: message | nonce | prf(SK_p, ID)'

# AlgorithmIdentifiers as RFC 7427 A and RFC 8420 A print them.
RSA = {256: '300d06092a864886f70d01010b0500', 384: '300d06092a864886f70d01010c0500', 512: '300d06092a864886f70d01010d0500'}
ECDSA = {256: '300a06082a8648ce3d040302', 384: '300a06082a8648ce3d040303', 512: '300a06082a8648ce3d040304'}
EDWARDS = {'Ed25519': '300506032b6570', 'Ed448': '300506032b6571'}


def pss(bits, salt, mask_bits=None, trailer=''):
    """RSASSA-PSS-params; `trailer` is what some write though it is the default."""
    octet = {256: '01', 384: '02', 512: '03'}
    oid = lambda b: '300d06096086480165030402' + octet[b] + '0500'
    body = 'a00f' + oid(bits) + 'a11c301a06092a864886f70d010108' + oid(mask_bits or bits) + f'a2030201{salt:02x}' + trailer
    params = f'30{len(body) // 2:02x}{body}'
    body = '06092a864886f70d01010a' + params
    return f'30{len(body) // 2:02x}{body}'


def auth(identifier, signature):
    return f'{len(identifier) // 2:02x}{identifier}{signature.hex()}'


def spki(key):
    return key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo).hex()


def pkcs8(key):
    return key.private_bytes(serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()).hex()


def sha(bits):
    return {256: hashes.SHA256, 384: hashes.SHA384, 512: hashes.SHA512}[bits]()


def rows():
    key = rsa.generate_private_key(65537, 2048)
    yield 'key', 'Rsa2048', spki(key), pkcs8(key)
    v15 = lambda bits: key.sign(MESSAGE, padding.PKCS1v15(), sha(bits))
    with_pss = lambda bits, salt, mask=None: key.sign(
        MESSAGE, padding.PSS(padding.MGF1(sha(mask or bits)), salt), sha(bits))
    for bits in RSA:
        yield 'good', f'RSA SHA2-{bits}', 'Rsa2048', 14, auth(RSA[bits], v15(bits))
        yield 'good', f'RSA SHA2-{bits}, method 1', 'Rsa2048', 1, v15(bits).hex()
        yield 'good', f'RSA-PSS SHA2-{bits}', 'Rsa2048', 14, auth(pss(bits, bits // 8), with_pss(bits, bits // 8))
    yield 'good', 'RSA SHA2-256 without NULL', 'Rsa2048', 14, auth('300b06092a864886f70d01010b', v15(256))
    yield 'good', 'RSA-PSS, trailer written out', 'Rsa2048', 14, auth(pss(256, 32, trailer='a303020101'), with_pss(256, 32))
    yield 'good', 'RSA-PSS, salt of 20', 'Rsa2048', 14, auth(pss(256, 20), with_pss(256, 20))
    yield 'bad', 'RSA-PSS, the salt is not as told', 'Rsa2048', 14, auth(pss(256, 32), with_pss(256, 20))
    yield 'bad', 'RSA-PSS, MGF1 over another hash', 'Rsa2048', 14, auth(pss(256, 32, 384), with_pss(256, 32, 384))
    yield 'bad', 'RSA-PSS, no parameters', 'Rsa2048', 14, auth('300b06092a864886f70d01010a', with_pss(256, 32))
    yield 'bad', 'RSA-PSS, empty parameters', 'Rsa2048', 14, auth('300d06092a864886f70d01010a3000', with_pss(256, 32))
    yield 'bad', 'RSA-PSS, another trailer', 'Rsa2048', 14, auth(pss(256, 32, trailer='a303020102'), with_pss(256, 32))
    yield 'bad', 'RSA SHA-1', 'Rsa2048', 14, auth('300d06092a864886f70d0101050500', key.sign(MESSAGE, padding.PKCS1v15(), hashes.SHA1()))
    yield 'bad', 'RSA SHA-1, method 1', 'Rsa2048', 1, key.sign(MESSAGE, padding.PKCS1v15(), hashes.SHA1()).hex()
    yield 'bad', 'RSA-PSS by method 1', 'Rsa2048', 1, with_pss(256, 32).hex()
    yield 'bad', 'RSA, PKCS#1 v1.5 told, PSS made', 'Rsa2048', 14, auth(RSA[256], with_pss(256, 32))
    yield 'bad', 'RSA, ECDSA told', 'Rsa2048', 14, auth(ECDSA[256], v15(256))
    yield 'bad', 'RSA, a trailing octet in the AlgorithmIdentifier', 'Rsa2048', 14, auth(RSA[256] + '00', v15(256))
    yield 'bad', 'RSA, a BER length in the AlgorithmIdentifier', 'Rsa2048', 14, auth('30810d' + RSA[256][4:], v15(256))
    yield 'bad', 'RSA, trailing octet', 'Rsa2048', 14, auth(RSA[256], v15(256)) + '00'
    for curve, bits, method in ((ec.SECP256R1(), 256, 9), (ec.SECP384R1(), 384, 10), (ec.SECP521R1(), 512, 11)):
        key = ec.generate_private_key(curve)
        name = {256: 'P256', 384: 'P384', 512: 'P521'}[bits]
        yield 'key', name, spki(key), pkcs8(key)
        for told in ECDSA:
            yield 'good', f'{name} SHA2-{told}', name, 14, auth(ECDSA[told], key.sign(MESSAGE, ec.ECDSA(sha(told))))
        size = {256: 32, 384: 48, 512: 66}[bits]
        r, s = decode_dss_signature(key.sign(MESSAGE, ec.ECDSA(sha(bits))))
        raw = r.to_bytes(size, 'big') + s.to_bytes(size, 'big')
        yield 'good', f'{name}, method {method}', name, method, raw.hex()
        der = key.sign(MESSAGE, ec.ECDSA(sha(bits)))
        yield 'bad', f'{name}, DER by method {method}', name, method, der.hex()
        yield 'bad', f'{name}, r | s by method 14', name, 14, auth(ECDSA[bits], raw)
        yield 'bad', f'{name}, r is 0', name, method, (bytes(size) + raw[size:]).hex()
        yield 'bad', f'{name}, s is 0', name, method, (raw[:size] + bytes(size)).hex()
        yield 'bad', f'{name}, r | s | 0', name, method, raw.hex() + '00'
        yield 'bad', f'{name} by another curve\'s method', name, {9: 10, 10: 11, 11: 9}[method], raw.hex()
        yield 'bad', f'{name} by method 1', name, 1, der.hex()
        yield 'bad', f'{name} SHA-1', name, 14, auth('300906072a8648ce3d0401', key.sign(MESSAGE, ec.ECDSA(hashes.SHA1())))
        yield 'bad', f'{name}, NULL in the AlgorithmIdentifier', name, 14, auth('300c06082a8648ce3d0403020500', der)
    for name, key in (('Ed25519', ed25519.Ed25519PrivateKey.generate()), ('Ed448', ed448.Ed448PrivateKey.generate())):
        yield 'key', name, spki(key), pkcs8(key)
        yield 'good', name, name, 14, auth(EDWARDS[name], key.sign(MESSAGE))
        yield 'bad', f'{name} without AlgorithmIdentifier', name, 14, key.sign(MESSAGE).hex()
        yield 'bad', f'{name} told as the other', name, 14, auth(EDWARDS['Ed448' if name == 'Ed25519' else 'Ed25519'], key.sign(MESSAGE))


def main():
    keys, cases = [], []
    for row in rows():
        (keys if row[0] == 'key' else cases).append(row)
    print('#pragma once\n\n// Printed by make_signature_vectors.py.\nnamespace culvert::ike {\n')
    print('struct SignatureTestKey {\n  const char *name, *spki, *pkcs8;\n};')
    print('inline constexpr SignatureTestKey kSignatureKeys[] = {')
    for _, name, public, private in keys:
        print(f'    {{"{name}", "{public}",\n     "{private}"}},')
    print('};\n\nstruct SignatureTestCase {\n  const char *about, *key;\n  int method;\n  bool good;\n  const char* data;\n};')
    print(f'inline constexpr char kSignatureMessage[] = "{MESSAGE.decode()}";')
    print('inline constexpr SignatureTestCase kSignatureCases[] = {')
    for verdict, about, key, method, data in cases:
        print(f'    {{"{about}", "{key}", {method}, {"true" if verdict == "good" else "false"},\n     "{data}"}},')
    print('};\n\n}  // namespace culvert::ike')


if __name__ == '__main__':
    main()
