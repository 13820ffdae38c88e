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
