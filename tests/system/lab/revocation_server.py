"""revocation_server.py FOLDER PORT: an authority's list at /list.crl and its OCSP responder everywhere else, on 127.0.0.1.

FOLDER holds ca.pem, ca.key, list.crl (DER), what the authority has issued by serial number, and `revoked`, one such number a
line; each is read for each question."""

import datetime
import http.server
import sys
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509 import ocsp

FOLDER = Path(sys.argv[1])


def answer(octets):
    request = ocsp.load_der_ocsp_request(octets)
    ca = x509.load_pem_x509_certificate((FOLDER / 'ca.pem').read_bytes())
    key = serialization.load_pem_private_key((FOLDER / 'ca.key').read_bytes(), None)
    subject = x509.load_pem_x509_certificate((FOLDER / f'{request.serial_number}.pem').read_bytes())
    revoked = str(request.serial_number) in (FOLDER / 'revoked').read_text().split()
    now = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0, tzinfo=None)
    builder = ocsp.OCSPResponseBuilder().add_response(
        cert=subject, issuer=ca, algorithm=request.hash_algorithm,
        cert_status=ocsp.OCSPCertStatus.REVOKED if revoked else ocsp.OCSPCertStatus.GOOD, this_update=now,
        next_update=now + datetime.timedelta(hours=1), revocation_time=now if revoked else None,
        revocation_reason=None).responder_id(ocsp.OCSPResponderEncoding.HASH, ca)
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


class Handler(http.server.BaseHTTPRequestHandler):
    def give(self, octets):
        self.send_response(200)
        self.send_header('Content-Length', str(len(octets)))
        self.end_headers()
        self.wfile.write(octets)

    def do_GET(self):
        self.give((FOLDER / 'list.crl').read_bytes())

    def do_POST(self):
        self.give(answer(self.rfile.read(int(self.headers['Content-Length']))))


http.server.ThreadingHTTPServer(('127.0.0.1', int(sys.argv[2])), Handler).serve_forever()
