# SPDX-License-Identifier: Apache-2.0
"""A host of files that answers as hosts do. The first part of a path says how: /cut/name sends a part of what it
promises, and so on (`Answer.KINDS`). What was asked and how many bytes of files went out is kept."""
import hashlib
import http.server
import threading
import time


class Host(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, files, address=("127.0.0.1", 0), tls=None):
        super().__init__(address, Answer)
        if tls is not None:
            self.socket = tls.wrap_socket(self.socket, server_side=True)
        self.files = files      # name -> bytes
        self.part = 1 << 20     # bytes that go out before a cut, a stall
        self.pace = 0           # seconds before each 64 KiB
        self.away = None        # where /away leads
        self.lock = threading.Lock()
        self.asked = []         # (path, Range, If-Range, status)
        self.sent = 0           # bytes of files
        self.times = {}         # path -> how often it was asked for
        self.released = threading.Event()
        self.url = f"http{'s' if tls is not None else ''}://{address[0]}:{self.server_port}"
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()

    def handle_error(self, request, client_address):
        pass  # a client that went away

    def close(self):
        self.released.set()
        self.shutdown()
        self.server_close()


class Answer(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def head(self, status, **headers):
        with self.server.lock:
            self.server.asked.append((self.path, self.headers.get("Range"), self.headers.get("If-Range"), status))
        self.close_connection = True
        self.send_response(status)
        for name, value in headers.items():
            if value is not None:
                self.send_header(name.replace("_", "-"), value)
        self.send_header("Connection", "close")
        self.end_headers()

    def send(self, data):
        for at in range(0, len(data), 65536):
            time.sleep(self.server.pace)
            piece = data[at:at + 65536]
            self.wfile.write(piece)
            with self.server.lock:
                self.server.sent += len(piece)

    def tag(self, data):
        return '"' + hashlib.sha256(data).hexdigest()[:16] + '"'

    def begin(self, data, etag=None):
        """Where the answer begins: at the asked-for byte where the client has a part of this file."""
        wanted, proof = self.headers.get("Range"), self.headers.get("If-Range")
        if wanted is None or (proof is not None and proof != etag):
            return 0
        return int(wanted[len("bytes="):-1])

    def file(self, data, send=None, etag="", length=None, ranges=True):
        """An answer with a file; `send`: bytes of it that really go out; `length`: what is said instead of the truth."""
        etag = self.tag(data) if etag == "" else etag
        at = self.begin(data, etag) if ranges else 0
        if at >= len(data):
            return self.head(416, Content_Range=f"bytes */{len(data)}", Content_Length="0")
        rest = data[at:]
        self.head(206 if at else 200, ETag=etag, Content_Length=str(len(rest) if length is None else length),
                  Content_Range=f"bytes {at}-{len(data) - 1}/{len(data)}" if at else None)
        self.send(rest if send is None else rest[:send])

    # ---- the kinds ----

    def good(self, data, times):
        self.file(data)

    def cut(self, data, times):
        self.file(data, self.server.part)

    def cutonce(self, data, times):
        self.file(data, self.server.part if times == 1 else None)

    def drop(self, data, times):
        self.file(data, 0)

    def stall(self, data, times):
        self.file(data, self.server.part)
        self.server.released.wait(60)

    def stallonce(self, data, times):
        self.file(data, self.server.part if times == 1 else None)
        if times == 1:
            self.server.released.wait(60)

    def big(self, data, times):
        self.file(data, length=len(data) - self.begin(data, self.tag(data)) + 1000)

    def small(self, data, times):
        self.file(data, length=len(data) - 1000)

    def wrong(self, data, times):
        self.file(data[:-1] + bytes([data[-1] ^ 1]))

    def norange(self, data, times):
        self.file(data, self.server.part if times == 1 else None, ranges=False)

    def noetag(self, data, times):
        self.file(data, self.server.part if times == 1 else None, etag=None)

    def weak(self, data, times):
        self.file(data, self.server.part if times == 1 else None, etag="W/" + self.tag(data))

    def changed(self, data, times):
        """Another file of the same length from the second time on, and what knows no If-Range."""
        if times == 1:
            return self.file(data, self.server.part)
        other = data[::-1]
        at = int(self.headers["Range"][len("bytes="):-1]) if "Range" in self.headers else 0
        self.head(206 if at else 200, ETag=self.tag(other), Content_Length=str(len(other) - at),
                  Content_Range=f"bytes {at}-{len(other) - 1}/{len(other)}" if at else None)
        self.send(other[at:])

    def otherrange(self, data, times):
        if "Range" not in self.headers:
            return self.file(data, self.server.part if times == 1 else None)
        self.head(206, ETag=self.tag(data), Content_Length="10", Content_Range=f"bytes 5-14/{len(data)}")
        self.send(data[5:15])

    def unasked(self, data, times):
        self.head(206, ETag=self.tag(data), Content_Length=str(len(data)),
                  Content_Range=f"bytes 0-{len(data) - 1}/{len(data)}")
        self.send(data)

    def refuserange(self, data, times):
        if "Range" in self.headers:
            return self.head(416, Content_Length="0")
        self.file(data, self.server.part if times == 1 else None)

    def grows(self, data, times):
        """The same ETag, and another length each time."""
        etag, at = '"same"', self.begin(data, '"same"')
        whole = len(data) + 10 * times
        self.head(206 if at else 200, ETag=etag, Content_Length=str(whole - at),
                  Content_Range=f"bytes {at}-{whole - 1}/{whole}" if at else None)
        self.send(data[at:at + self.server.part])

    def busy(self, data, times):
        if times < 3:
            return self.head(503, Retry_After="0", Content_Length="0")
        self.file(data)

    def forbidden(self, data, times):
        self.head(403, Content_Length="6")
        self.wfile.write(b"no way")

    def packed(self, data, times):
        self.head(200, Content_Encoding="gzip", Content_Length="4")
        self.wfile.write(b"\x1f\x8b\x08\x00")

    def nolength(self, data, times):
        self.head(200)
        self.send(data)

    def empty(self, data, times):
        self.head(200, Content_Length="0")

    def chunks(self, data, etag, end=b"0\r\n\r\n"):
        self.head(200, Transfer_Encoding="chunked", ETag=etag)
        for at in range(0, len(data), 65536):
            piece = data[at:at + 65536]
            self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
        self.wfile.write(end)

    def chunked(self, data, times):
        self.chunks(data, self.tag(data))

    def chunkcut(self, data, times):
        if "Range" in self.headers:
            return self.file(data)
        self.chunks(data[:self.server.part], self.tag(data), end=b"")

    def endless(self, data, times):
        self.head(200, Transfer_Encoding="chunked")
        while True:
            self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))

    def moved(self, data, times):
        self.head(302, Location="/good/" + self.path.split("/")[2] + "?signed=1", Content_Length="0")

    def loop(self, data, times):
        self.head(302, Location=self.path + "x", Content_Length="0")

    def leads(self, data, times):
        self.head(302, Location=self.server.away, Content_Length="0")

    def garbage(self, data, times):
        self.wfile.write(b"\x01\x02 no HTTP at all\r\n\r\n")
        self.close_connection = True

    def do_GET(self):
        parts = self.path.split("?")[0].split("/")
        kind, name = (parts + ["", ""])[1:3]
        with self.server.lock:
            times = self.server.times[self.path] = self.server.times.get(self.path, 0) + 1
        data = self.server.files.get(name if kind != "loop" else next(iter(self.server.files)))
        answer = getattr(self, kind, None) if kind.isalpha() else None
        if data is None or answer is None:
            return self.head(404, Content_Length="0")
        answer(data, times)
