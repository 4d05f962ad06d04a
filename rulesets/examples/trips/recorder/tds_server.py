"""The least a TDS 7.4 server can say: pre-login, a TLS handshake inside pre-login
packets, and yes to any login. It then answers every request with DONE.

Usage: tds_server.py ADDRESS CERTIFICATE KEY
"""

import socket
import ssl
import struct
import sys

PRELOGIN, REPLY, LAST = 0x12, 0x04, 0x01
VERSION, ENCRYPTION, END = 0x00, 0x01, 0xFF
ENCRYPT_ON = 0x01
LOGINACK, DONE = 0xAD, 0xFD
TDS_7_4 = 0x74000004


def packet(kind, body):
    return struct.pack(">BBHHBB", kind, LAST, 8 + len(body), 0, 1, 0) + body


def exactly(read, count):
    data = b""
    while len(data) < count:
        more = read(count - len(data))
        if not more:
            raise EOFError
        data += more
    return data


def message(read):
    """One message: the bodies of its packets, up to the one marked last."""
    body = b""
    while True:
        _, status, length = struct.unpack(">BBH", exactly(read, 8)[:4])
        body += exactly(read, length - 8)
        if status & LAST:
            return body


def prelogin_answer():
    version = struct.pack(">BBHH", 16, 0, 1000, 0)
    start = 2 * 5 + 1
    options = struct.pack(">BHH", VERSION, start, len(version))
    options += struct.pack(">BHH", ENCRYPTION, start + len(version), 1)
    return options + bytes([END]) + version + bytes([ENCRYPT_ON])


def login_answer():
    name = "TDS of the recorder".encode("utf-16-le")
    ack = struct.pack(">BIB", 1, TDS_7_4, len(name) // 2) + name + bytes([16, 0, 0, 0])
    return struct.pack("<BH", LOGINACK, len(ack)) + ack + done()


def done():
    return struct.pack("<BHHQ", DONE, 0, 0, 0)


class Session:
    def __init__(self, link, context):
        self.link = link
        self.inbox, self.outbox = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.inbox, self.outbox, server_side=True)

    def handshake(self):
        while True:
            try:
                self.tls.do_handshake()
                self.link.sendall(packet(PRELOGIN, self.outbox.read()))
                return
            except ssl.SSLWantReadError:
                if self.outbox.pending:
                    self.link.sendall(packet(PRELOGIN, self.outbox.read()))
                self.inbox.write(message(self.link.recv))

    def read(self, count):
        while True:
            try:
                return self.tls.read(count)
            except ssl.SSLWantReadError:
                more = self.link.recv(65536)
                if not more:
                    return b""
                self.inbox.write(more)
            except ssl.SSLZeroReturnError:
                return b""

    def answer(self, body):
        self.tls.write(packet(REPLY, body))
        self.link.sendall(self.outbox.read())


def serve(link, context):
    message(link.recv)
    link.sendall(packet(REPLY, prelogin_answer()))
    session = Session(link, context)
    session.handshake()
    message(session.read)
    session.answer(login_answer())
    while True:
        message(session.read)
        session.answer(done())


def main(address, certificate, key):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with socket.create_server((address, 1433)) as door:
        while True:
            link, _ = door.accept()
            with link:
                try:
                    serve(link, context)
                except EOFError:
                    pass


main(*sys.argv[1:])
