// SPDX-License-Identifier: Apache-2.0
// How quickly the page answers: from a key pressed in the search to the tiles that it leads to, with 100,000 products on
// this machine; and how evenly 10,000 tiles scroll by. usage: tests/web/run.py FOLDER bench/page.mjs (as tests/web does)
import { onPage, openBrowser, openShop, goShop } from "../tests/web/support.mjs";
import { test } from "node:test";

const MANY = Number(process.env.PRODUCTS ?? 100_000);
const things = ["dress", "sneakers", "sofa", "lamp", "mug", "watch", "backpack", "armchair", "t-shirt", "clutch"];
const looks = ["red", "navy", "linen", "striped", "floral", "leather", "suede", "checked", "dotted", "plain"];
const shop = await openShop(60), browser = await openBrowser();

const median = (all) => all.toSorted((a, b) => a - b)[Math.floor(all.length / 2)];

test("typing", onPage(browser, shop, {}, async (page) => {
    const title = (i) => `${looks[i % 10]} ${looks[Math.floor(i / 10) % 10]} ${things[Math.floor(i / 100) % 10]} ${i}`;
    await shop.put(Array.from({ length: MANY }, (_, i) => ({ product: `n${i}`, metadata: { title: title(i), price: i % 300 } })));
    await goShop(page);
    // Each key is pressed when the answer to the one before is there; the time is from the key to the painted tiles.
    const times = [];
    for (const text of ["striped lin", "leather sofa 7", "red dress 12345", "mug", "navy watch 9"]) {
        await page.fill("#search", "");
        await page.waitForFunction(() => !location.search.includes("q="));
        for (const letter of text) {
            times.push(await page.evaluate((letter) => new Promise((done) => {
                const input = document.querySelector("#search"), wanted = input.value + letter, start = performance.now();
                const seen = new PerformanceObserver((list) => {
                    for (const entry of list.getEntries()) {
                        if (entry.name.endsWith("/v1/search/text") && entry.startTime >= start) {
                            seen.disconnect();
                            requestAnimationFrame(() => requestAnimationFrame(() => done(performance.now() - start)));
                        }
                    }
                });
                seen.observe({ type: "resource" });
                input.value = wanted;
                input.dispatchEvent(new Event("input", { bubbles: true }));
            }), letter));
        }
    }
    const sorted = times.toSorted((a, b) => a - b);
    console.log(`typing_median_${MANY},${median(times).toFixed(1)},ms from a key to the painted answer`);
    console.log(`typing_p95_${MANY},${sorted[Math.floor(sorted.length * 0.95)].toFixed(1)},ms from a key to the painted answer`);
    console.log(`typing_longest_${MANY},${sorted.at(-1).toFixed(1)},ms from a key to the painted answer`);
}));

test("scrolling", onPage(browser, shop, {}, async (page) => {
    await goShop(page);
    const { frames, slow, heap } = await page.evaluate((wanted) => new Promise((done) => {
        let frames = 0, slow = 0, last = performance.now();
        const step = (now) => {
            frames++;
            slow += now - last > 50;
            last = now;
            scrollBy(0, 600);
            if (Number(document.querySelector(".grid > li:last-child")?.ariaPosInSet) >= wanted) {
                done({ frames, slow, heap: performance.memory.usedJSHeapSize });
            } else {
                requestAnimationFrame(step);
            }
        };
        requestAnimationFrame(step);
    }), 10_000);
    console.log(`scrolling_10000_slow_frames,${((100 * slow) / frames).toFixed(2)},% of ${frames} frames over 50 ms`);
    console.log(`scrolling_10000_heap,${(heap / 1e6).toFixed(0)},MB`);
}));

// A map of so many points is dragged to and fro for two seconds.
test("map", onPage(browser, shop, {}, async (page) => {
    const points = Array.from({ length: MANY }, () => [0, 1].map(() => Math.round(10_000 * (Math.random() + Math.random() - 1))));
    await page.route("**/v1/map*", (route) => route.fulfill({ json: {
        products: points.map((_, i) => `n${i}`), x: points.map(([x]) => x), y: points.map(([, y]) => y),
        values: points.map((_, i) => i % 10), names: things, share: 0.3,
    } }));
    await page.goto("/engine?at=map");
    await page.locator(".legend").first().waitFor();
    const times = await page.locator("canvas").evaluate((canvas) => new Promise((done) => {
        const box = canvas.getBoundingClientRect(), times = [], start = performance.now();
        const at = (kind, x) => canvas.dispatchEvent(new PointerEvent(kind, { pointerId: 1, bubbles: true, clientX: box.left + x, clientY: box.top + 200 }));
        canvas.setPointerCapture = () => {};
        at("pointerdown", 300);
        let last = 0;
        const step = (now) => {
            if (last > 0) {
                times.push(now - last);
            }
            last = now;
            at("pointermove", 300 + 200 * Math.sin(now / 300));
            if (now - start < 2000) {
                requestAnimationFrame(step);
            } else {
                done(times);
            }
        };
        requestAnimationFrame(step);
    }));
    console.log(`map_${MANY}_frames,${(1000 / (times.reduce((a, b) => a + b) / times.length)).toFixed(1)},frames a second while it is dragged`);
    console.log(`map_${MANY}_slow_frames,${((100 * times.filter((time) => time > 50).length) / times.length).toFixed(2)},% of ${times.length} frames over 50 ms`);
}));

for (const [name, address] of [["shop", "/"], ["product", "/p/dress-001-green"]]) {
    test(`first photo: ${name}`, onPage(browser, shop, { width: 360, height: 740 }, async (page) => {
        const devtools = await page.context().newCDPSession(page);
        await devtools.send("Network.enable");
        await devtools.send("Network.emulateNetworkConditions", { offline: false, latency: 150, downloadThroughput: 1.6e6 / 8, uploadThroughput: 0.75e6 / 8 });
        await page.goto(address);
        const photo = await page.waitForFunction(() => {
            const first = document.querySelector("main .photo img");
            return first?.complete && first.naturalWidth > 0 ? performance.now() : false;
        });
        console.log(`first_photo_${name},${Math.round(await photo.jsonValue())},ms over 1.6 Mbit/s with 150 ms of latency`);
    }));
}
