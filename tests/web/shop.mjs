// SPDX-License-Identifier: Apache-2.0
// What doc/shop.md says, done: its commands are taken out of the page, and the row is looked at where it ends. What
// differs is how niteru is built (the test has a build), and the ports.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, test } from "node:test";
import { openBrowser, until } from "./support.mjs";

const DOC = readFileSync(new URL("../../doc/shop.md", import.meta.url), "utf8");
const [build, ...blocks] = [...DOC.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, block]) => block);

async function freePort() {
    const server = createServer();
    await new Promise((done) => server.listen(0, "127.0.0.1", done));
    const { port } = server.address();
    await new Promise((done) => server.close(done));
    return String(port);
}

test("from the list to the row", async () => {
    assert.match(build, /^make\nexport PATH="\$PWD\/build\/src\/cli:\$PWD\/build\/tools\/demo:\$PATH"\n$/);
    assert.equal(blocks.length, 4);
    const folder = mkdtempSync(join(tmpdir(), "niteru-shop-")), [service, page] = [await freePort(), await freePort()];
    const script = blocks.join("").replaceAll("8080", service).replaceAll("8000", page);
    const programs = [process.env.NITERU, process.env.NITERU_PICTURES].map(dirname);
    const env = { ...process.env, PATH: [...programs, process.env.PATH].join(":") };
    delete env.NITERU_CATALOGUE; // the page names none
    let said = "", ended;
    const shell = spawn("sh", ["-e", "-c", script], { cwd: folder, env, detached: true, stdio: ["ignore", "pipe", "pipe"] });
    shell.on("exit", (status) => (ended = status ?? -1));
    for (const stream of [shell.stdout, shell.stderr]) {
        stream.on("data", (data) => (said += data));
    }
    after(async () => {
        process.kill(-shell.pid); // the shell, what it left in the background, and no other
        await until("all of it ended", async () => ended !== undefined);
        rmSync(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
    });

    const answers = (url) => fetch(url).then(({ ok }) => ok, () => false);
    for (const url of [`http://127.0.0.1:${page}/`, `http://127.0.0.1:${service}/healthz`]) {
        while (!(await answers(url))) { // as long as drawing and indexing take here; the test has a deadline
            assert.equal(ended, undefined, said);
            await new Promise((go) => setTimeout(go, 100));
        }
    }
    const browser = await openBrowser(), shown = await browser.newPage(), faults = [];
    shown.on("pageerror", (error) => faults.push(error.message));
    shown.on("console", (message) => faults.push(message.text()));
    await shown.goto(`http://127.0.0.1:${page}/`);
    const photos = () => shown.locator("niteru-similar a img").evaluateAll((all) =>
        all.filter((photo) => photo.complete && photo.naturalWidth > 0).map((photo) => photo.alt));
    await until("five photos", async () => (await photos()).length === 5);
    assert.equal(new Set(await photos()).size, 5);
    assert.equal((await photos())[0], "Checked cotton long shift dress, blue");
    assert.equal(await shown.locator("niteru-similar h2").textContent(), "Looks like this");
    // All but the icon that a browser asks any page for.
    assert.deepEqual(faults.filter((text) => !text.startsWith("Failed to load resource")), []);
});
