"""Sign in with python-tds as a managed identity does, by token, over TLS.

Usage: tds_client.py LOCAL-ADDRESS LOCAL-PORT SERVER-ADDRESS SERVER-NAME CA TOKEN
"""

import socket
import sys

import pytds

local, port, address, name, ca, token = sys.argv[1:]
link = socket.create_connection((address, 1433), timeout=10, source_address=(local, int(port)))
with pytds.connect(
    dsn=name,
    port=1433,
    sock=link,
    database="",
    cafile=ca,
    access_token_callable=lambda: token,
    autocommit=True,
) as connection:
    with connection.cursor() as cursor:
        cursor.execute("update trips set seen = 1")
