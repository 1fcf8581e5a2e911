"""A server on port 8080 that answers a line with a line, for the live browser test."""

import socketserver


class Shop(socketserver.StreamRequestHandler):
    def handle(self):
        for _ in self.rfile:
            self.wfile.write(b"x" * 2000 + b"\n")


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


with Server(("127.0.0.1", 8080), Shop) as server:
    server.serve_forever()
