"""Certification authorities for tests, by python3-cryptography; and where a gateway, ours or strongSwan's, finds the files."""

import datetime
import ipaddress

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, NameOID

_NOW = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)
_DAY = datetime.timedelta(days=1)

KEYS = {
    'rsa2048': lambda: rsa.generate_private_key(65537, 2048),
    'rsa3072': lambda: rsa.generate_private_key(65537, 3072),
    'ecdsa256': lambda: ec.generate_private_key(ec.SECP256R1()),
    'ecdsa384': lambda: ec.generate_private_key(ec.SECP384R1()),
    'ecdsa521': lambda: ec.generate_private_key(ec.SECP521R1()),
    'ed25519': ed25519.Ed25519PrivateKey.generate,
    'ed448': ed448.Ed448PrivateKey.generate,
}


def _name(common_name):
    return x509.Name([x509.NameAttribute(NameOID.COUNTRY_NAME, 'CH'), x509.NameAttribute(NameOID.ORGANIZATION_NAME, 'Lab'),
                      x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _digest(key):
    return None if isinstance(key, (ed25519.Ed25519PrivateKey, ed448.Ed448PrivateKey)) else hashes.SHA256()


class Holder:
    """A certificate with its key; `issuer` is None where it signed itself."""

    def __init__(self, common_name, kind, issuer, *, authority=False, names=(), expired=False, crl_uri=None, ocsp_uri=None):
        self.common_name, self.issuer, self.key = common_name, issuer, KEYS[kind]()
        signer = issuer or self
        builder = (x509.CertificateBuilder().subject_name(_name(common_name)).issuer_name(_name(signer.common_name))
                   .public_key(self.key.public_key()).serial_number(x509.random_serial_number())
                   .not_valid_before(_NOW - 10 * _DAY).not_valid_after(_NOW - _DAY if expired else _NOW + 100 * _DAY)
                   .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
                   .add_extension(x509.SubjectKeyIdentifier.from_public_key(self.key.public_key()), critical=False)
                   .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.key.public_key()), critical=False)
                   .add_extension(x509.KeyUsage(
                       digital_signature=not authority, key_cert_sign=authority, crl_sign=authority, content_commitment=False,
                       key_encipherment=False, data_encipherment=False, key_agreement=False, encipher_only=False,
                       decipher_only=False), critical=True))
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName([
                x509.IPAddress(ipaddress.ip_address(n)) if n[0].isdigit() else x509.DNSName(n) for n in names]), critical=False)
            builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        if crl_uri:
            point = x509.DistributionPoint([x509.UniformResourceIdentifier(crl_uri)], None, None, None)
            builder = builder.add_extension(x509.CRLDistributionPoints([point]), critical=False)
        if ocsp_uri:
            responder = x509.AccessDescription(AuthorityInformationAccessOID.OCSP, x509.UniformResourceIdentifier(ocsp_uri))
            builder = builder.add_extension(x509.AuthorityInformationAccess([responder]), critical=False)
        self.certificate = builder.sign(signer.key, _digest(signer.key))

    def pem(self):
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    def key_pem(self, passphrase=None):
        lock = serialization.BestAvailableEncryption(passphrase) if passphrase else serialization.NoEncryption()
        return self.key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, lock)

    def subject(self):
        return f'C=CH, O=Lab, CN={self.common_name}'

    def authority(self, common_name, kind='ecdsa256'):
        return Holder(common_name, kind, self, authority=True)

    def issue(self, common_name, kind='ecdsa256', **options):
        return Holder(common_name, kind, self, **{'names': (f'{common_name}.lab',), **options})

    def crl(self, revoked=(), encoding=serialization.Encoding.PEM):
        builder = (x509.CertificateRevocationListBuilder().issuer_name(_name(self.common_name))
                   .last_update(_NOW - _DAY).next_update(_NOW + 10 * _DAY))
        for holder in revoked:
            builder = builder.add_revoked_certificate(
                x509.RevokedCertificateBuilder().serial_number(holder.certificate.serial_number)
                .revocation_date(_NOW - _DAY).build())
        return builder.sign(self.key, _digest(self.key)).public_bytes(encoding)

    def serves(self, folder, issued, revoked=()):
        """What revocation_server.py of this authority says from now on."""
        for holder in issued:
            (folder / f'{holder.certificate.serial_number}.pem').write_bytes(holder.pem())
        (folder / 'ca.pem').write_bytes(self.pem())
        (folder / 'ca.key').write_bytes(self.key_pem())
        (folder / 'list.crl').write_bytes(self.crl(revoked, serialization.Encoding.DER))
        (folder / 'revoked').write_text(''.join(f'{holder.certificate.serial_number}\n' for holder in revoked))


def root(common_name='root', kind='ecdsa256'):
    return Holder(common_name, kind, None, authority=True)


def self_signed(common_name, kind='ecdsa256'):
    """A gateway that nobody vouches for."""
    return Holder(common_name, kind, None, names=(f'{common_name}.lab',))


_FOLDERS = ('x509', 'x509ca', 'x509crl', 'private', 'pkcs12')


def hold(folder, own=None, authorities=(), *, crls=(), passphrase=None, container=None, second=None, peer=None):
    """What a gateway holds from now on, in its swanctl folder: its certificate and key as `own.pem`, another as `second.pem`,
    a container `own.p12` with the issuer, the peer's certificate as `peer.pem`."""
    for kind in _FOLDERS:
        (folder / kind).mkdir(parents=True, exist_ok=True)
        for path in (folder / kind).iterdir():
            path.unlink()

    def write(kind, name, octets):
        path = folder / kind / name
        path.write_bytes(octets)
        path.chmod(0o600)
    for name, holder in (('own.pem', own), ('second.pem', second)):
        if holder:
            write('x509', name, holder.pem())
            write('private', name, holder.key_pem(passphrase))
    if container:
        write('pkcs12', 'own.p12', pkcs12.serialize_key_and_certificates(
            b'own', container.key, container.certificate, [container.issuer.certificate],
            serialization.BestAvailableEncryption(passphrase)))
    if peer:
        write('x509', 'peer.pem', peer.pem())
    for holder in authorities:
        write('x509ca', f'{holder.common_name}.pem', holder.pem())
    for number, crl in enumerate(crls):
        write('x509crl', f'{number}.pem', crl)


def folder_of(gateway):
    """Where that gateway, ours or strongSwan's, looks for credentials."""
    return gateway.config / 'swanctl' if hasattr(gateway, 'config') else gateway.folder / 'swanctl'
