"""An add-on as IPTV Manager meets it: it connects first, then works, sends its answer and closes.

addon.py WAY FILE PORT [SECONDS]

WAY: reply (connects, works for SECONDS, sends FILE), late (works before it connects), print (prints FILE),
fail (connects, fails, closes without a word), crash (ends with a traceback).
"""
import json
import socket
import sys
import time


def reply(port):
    """Sends what the wrapped function gives to whoever listens at the port."""

    def decorator(function):
        def inner():
            sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            sock.connect(("127.0.0.1", port))
            try:
                sock.sendall(json.dumps(function()).encode())
            finally:
                sock.close()

        return inner

    return decorator


def main():
    way, path, port = sys.argv[1:4]
    seconds = float(sys.argv[4]) if len(sys.argv) > 4 else 0

    def read():
        with open(path, encoding="utf-8") as file:
            return json.load(file)

    if way == "print":
        json.dump(read(), sys.stdout)
        return
    if way == "crash":
        raise RuntimeError("no account for https://api.example/login?password=hidden")
    if way == "late":
        time.sleep(seconds)

    @reply(int(port))
    def answer():
        if way == "fail":
            raise RuntimeError("upstream is down")
        if way == "reply":
            time.sleep(seconds)
        return read()

    answer()


main()
