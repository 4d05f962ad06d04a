"""Open a TCP connection, send nothing, close it: what a port scan or a naive health check does.

Usage: handshake.py LOCAL-ADDRESS LOCAL-PORT ADDRESS PORT
"""

import socket
import sys

local, local_port, address, port = sys.argv[1:]
with socket.create_connection((address, int(port)), 5, (local, int(local_port))):
    pass
