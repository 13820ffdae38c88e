# SPDX-License-Identifier: Apache-2.0
"""Where little memory is left, what takes memory is refused and all else goes on: how much is left the unit test of the
guard tries on made-up machines; here the service is told to keep more than any has. And what a manager of services is told."""
import os
import socket

import shop
from shop import ShopTest, quote


class Memory(ShopTest):
    settings = ["memory_reserve=1024Gi"]

    def test_short(self):
        product = self.shop.ids()[0]
        path, photo = "/v1/products/" + quote(product), self.shop.photo(product)
        jpeg = {"Content-Type": "image/jpeg"}
        for method, where, body, headers in [("POST", "/v1/search/image", photo, jpeg), ("PUT", path, {"metadata": {}}, {}),
                                             ("PATCH", path, {"metadata": {}}, {}), ("POST", path + "/photos", photo, jpeg),
                                             ("POST", "/v1/products:batch", {"products": []}, {}),
                                             ("POST", "/v1/products:import", {}, {})]:
            got = self.ask(method, where, body, headers)
            self.assertEqual((got.status, got.json["code"], got.headers["Retry-After"]), (503, "short-of-memory", "1"), where)
            self.assertEqual(got.headers["Content-Type"], "application/problem+json")
        for where in [path, path + "/similar", path + "/photos/0", "/v1/products", "/readyz", "/healthz"]:
            self.assertEqual(self.ask("GET", where).status, 200, where)
        self.assertEqual(self.ask("POST", "/v1/search/text", {"text": "dress"}).status, 200)
        state = self.ask("GET", "/v1/engine").json["memory"]
        self.assertTrue(state["short"])
        self.assertEqual((state["refused"], state["reserve_bytes"]), (6, 1 << 40))
        self.assertIn("niteru_memory_refused_total 6", self.ask("GET", "/metrics").body.decode())
        index = self.shop.run("index", self.shop.photos + "/catalog.csv", check=False)
        self.assertEqual(index.returncode, 1)
        self.assertIn("little memory is left", index.stderr)
        self.assertEqual(self.ask("DELETE", path).status, 204) # which gives some back


class Notified(ShopTest):
    def test_manager(self):
        """What systemd is told (Type=notify), by a path and by an abstract socket."""
        self.shop.stop()
        for name, bound in [(os.path.join(self.shop.folder, "notify"), None), (f"@niteru-{os.getpid()}", f"\0niteru-{os.getpid()}")]:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
                manager.bind(bound or name)
                manager.settimeout(30)
                self.shop.env["NOTIFY_SOCKET"] = name
                self.shop.start()
                self.assertEqual(manager.recv(100), b"READY=1")
                self.assertEqual(self.ask("GET", "/readyz").status, 200)
                self.shop.stop()
                self.assertEqual(manager.recv(100), b"STOPPING=1")
        self.shop.env["NOTIFY_SOCKET"] = "/nobody/is/here"
        self.shop.start()


if __name__ == "__main__":
    shop.main()
