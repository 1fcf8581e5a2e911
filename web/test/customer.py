"""A client of shop.py that asks ten times a second, and once tries a port where nobody listens."""

import socket
import time

while True:
    try:
        with socket.create_connection(("127.0.0.1", 8080), 2) as c:
            lines = c.makefile("rb")
            for _ in range(50):
                c.sendall(b"what is there?\n")
                lines.readline()
                time.sleep(0.1)
    except OSError:
        time.sleep(0.2)
    try:
        socket.create_connection(("127.0.0.1", 9999), 1).close()
    except OSError:
        pass
