// SPDX-License-Identifier: Apache-2.0
// Scenarios in the merchandiser's place: settings tried while they are changed, saved in versions, taken back, and never
// lost or overwritten without a word; and what came of them, as the API tells it.
import assert from "node:assert/strict";
import { test } from "node:test";
import { assertFits, onPage, openBrowser, openShop, until, violations } from "./support.mjs";

const shop = await openShop(120, ["random_percent=0"]), browser = await openBrowser();
const products = (await shop.ask("GET", "/v1/products?limit=500")).products;
const of = (category) => products.filter((one) => one.metadata.category === category);
const [dress] = of("Dress"), [lamp] = of("Lamp");
const clicked = "&who=clicked&clicked=" + encodeURIComponent(dress.product);
const address = (name, query = "") => `/catalogue?at=scenarios&scenario=${name}${query}`;
const actions = [{ kind: "click", product: dress.product }];
const served = async (scenario) => (await shop.ask("POST", "/v1/session/recommend", { scenario, actions, log: false })).products.map((one) => one.product);
const settingsOf = async (name) => (await shop.ask("GET", `/v1/scenarios/${name}`)).settings;

const idle = (page) => until("the preview is there", async () => (await page.locator('.tried[aria-busy="false"] .placed').count()) === 2);
const titles = (page, which) => page.getByRole("list", { name: which }).locator(".title").allTextContents();
const titleOf = (id) => products.find((one) => one.product === id).metadata.title;
const go = async (page, name, query = clicked) => {
    await page.goto(address(name, query));
    await idle(page);
};
const save = async (page, version) => {
    await page.getByRole("button", { name: "Save", exact: true }).click();
    await page.getByText(`Saved: version ${version} is in force.`).waitFor();
};

test("a rule that is added changes the preview and, saved, what is served", onPage(browser, shop, {}, async (page) => {
    const usual = await served("added");
    await go(page, "added");
    assert.deepEqual(await titles(page, "With these settings"), usual.map(titleOf));
    await page.getByText("Nothing changes for this visitor.").waitFor();
    await page.getByRole("button", { name: "+ Pin" }).click();
    await page.getByText("must be from 1 to 50 items", { exact: true }).waitFor();
    const rule = page.locator(".rule");
    await rule.getByText("Choose products").click();
    await rule.getByRole("searchbox").fill(lamp.product); // by its id
    await rule.locator(".pick-from li:first-child button", { hasText: lamp.metadata.title }).click(); // not of what is listed before
    await until("the lamp comes first", async () => (await titles(page, "With these settings"))[0] === lamp.metadata.title);
    assert.deepEqual(await titles(page, "In force now"), usual.map(titleOf));
    assert.equal(await page.getByRole("list", { name: "With these settings" }).locator("li").first().locator(".badge .unseen").textContent(), "new");
    assert.equal(await page.getByRole("list", { name: "With these settings" }).locator("li").nth(1).locator(".badge .unseen").textContent(), "moved down by 1");
    assert.equal(await page.getByRole("list", { name: "In force now" }).locator("li.gone").count(), 1);
    await page.getByText("1 new, 1 gone, 9 moved").waitFor();
    assert.deepEqual(await served("added"), usual, "nothing is in force before it is saved");
    await save(page, 1);
    assert.deepEqual(await served("added"), [lamp.product, ...usual.slice(0, 9)]);
    assert.deepEqual(await settingsOf("added"), { rules: [{ rule: "pin", products: [lamp.product], position: 0 }] });
    // Switched off, it stays where it is and does nothing.
    await page.getByLabel("On", { exact: true }).uncheck();
    await until("as before", async () => (await titles(page, "With these settings")).join() === usual.map(titleOf).join());
    await save(page, 2);
    assert.deepEqual(await served("added"), usual);
    await page.getByRole("button", { name: "Remove: rule 1" }).click();
    await save(page, 3);
    assert.deepEqual(await settingsOf("added"), {});
}));

test("all of the form is what is stored", onPage(browser, shop, {}, async (page) => {
    const settings = {
        k: 7, diversity: 0.5, where: "price > 5", sources: { taste: 2.5, seen: 0 }, places: { new: 2 }, after_purchase: "complement", control_percent: 10, random_percent: 3, note: "spring",
        rules: [
            { rule: "hide", where: "category = 'Sofa'" }, { rule: "cap", field: "colour", most: 3 }, { rule: "share", share: 0.2, where: "category = 'Lamp'" },
            { rule: "boost", by: 1.5, where: "category = 'Mug'", from: "2026-01-01T00:00:00Z", until: "2036-01-01T00:00:00Z", note: "for a while" }, { rule: "bury", by: 2, where: "colour = 'red'", off: true },
        ],
    };
    await shop.ask("PUT", "/v1/scenarios/whole", settings);
    await go(page, "whole");
    assert.ok(await page.getByRole("button", { name: "Save", exact: true }).isDisabled(), "what was read is not a change");
    await page.getByLabel("Like what was looked at last").first().fill("0.5");
    await page.getByLabel("How many products").fill("");
    await page.getByLabel("Only products where").fill("price > 6");
    await page.getByLabel("What is like a purchase").selectOption("similar");
    await page.getByLabel("Popular").last().uncheck();
    await page.getByRole("button", { name: "Move up: rule 2" }).click();
    await until("the focus stays", () => page.evaluate(() => document.activeElement?.ariaLabel?.startsWith("Move up") === true));
    await page.getByLabel("Part of the places").fill("35");
    await page.locator(".rule").last().getByText("Time and note").click();
    await page.locator(".rule").last().getByLabel("From").fill("2026-02-01T12:30");
    await save(page, 2);
    const { k, after_purchase, ...others } = settings, { rules } = settings;
    const from = await page.evaluate(() => new Date("2026-02-01T12:30").toISOString().replace(".000Z", "Z"));
    assert.deepEqual(await settingsOf("whole"), {
        ...others, where: "price > 6", sources: { taste: 2.5, recent: 0.5, popular: 0, seen: 0 },
        rules: [rules[1], rules[0], { ...rules[2], share: 0.35 }, rules[3], { ...rules[4], from }],
    });
}));

test("what is wrong is said beside its field", onPage(browser, shop, {}, async (page) => {
    await go(page, "wrong");
    const where = page.getByLabel("Only products where");
    await where.fill("nosuch = 1");
    await page.locator(".field", { has: where }).getByText("there is no field 'nosuch'").waitFor();
    assert.equal(await where.getAttribute("aria-invalid"), "true");
    await where.fill("");
    await until("all is well", async () => (await where.getAttribute("aria-invalid")) === "false");
    await page.getByRole("button", { name: "+ Hide" }).click();
    await page.getByLabel("Which products").fill("price < 0");
    await page.getByRole("list", { name: "Warnings" }).getByText("rule 1: no product matches").waitFor();
    await page.getByRole("button", { name: "+ Boost" }).click();
    const fields = page.getByLabel("Which products");
    await fields.first().fill("category = 'Sofa'");
    await fields.last().fill("colour = ");
    await until("the second one", async () => (await fields.last().getAttribute("aria-invalid")) === "true" && (await fields.first().getAttribute("aria-invalid")) === "false");
    await page.getByRole("button", { name: "Save", exact: true }).click();
    await page.locator(".flow > .error").waitFor();
    assert.equal(await fields.last().getAttribute("aria-invalid"), "true");
    assert.equal((await shop.ask("GET", "/v1/scenarios")).scenarios.some((one) => one.scenario === "wrong"), false);
}));

test("versions are looked at, taken back, and removed with a second press", onPage(browser, shop, {}, async (page) => {
    await shop.ask("PUT", "/v1/scenarios/versions", { k: 3 });
    await shop.ask("PUT", "/v1/scenarios/versions", { k: 5 });
    await go(page, "versions");
    await page.getByRole("button", { name: "Look at it: Version 1" }).click();
    await page.getByText("Version 1, as it was saved").waitFor();
    assert.equal(new URL(page.url()).searchParams.get("version"), "1");
    assert.ok(await page.getByLabel("How many products").isDisabled());
    await until("it is tried against what is in force", async () => (await titles(page, "With these settings")).length === 3 && (await titles(page, "In force now")).length === 5);
    await page.goBack();
    await until("what is in force", async () => (await page.getByLabel("How many products").inputValue()) === "5");
    await page.getByRole("button", { name: "Take this one back: Version 1" }).click();
    await page.getByText("Saved: version 3 is in force.").waitFor();
    assert.deepEqual(await settingsOf("versions"), { k: 3 });
    assert.equal((await served("versions")).length, 3);
    await page.getByRole("button", { name: "Remove the settings" }).click();
    assert.equal((await served("versions")).length, 3, "one press does nothing");
    await page.getByRole("button", { name: "Really remove them" }).click();
    await until("all is as usual", async () => (await served("versions")).length === 10);
}));

test("what somebody else saves meanwhile is told, can be looked at, and is not overwritten", onPage(browser, shop, {}, async (page) => {
    await shop.ask("PUT", "/v1/scenarios/both", { k: 3 });
    await go(page, "both");
    await page.getByLabel("How many products").fill("4");
    await shop.ask("PUT", "/v1/scenarios/both", { k: 3, where: "price > 5" });
    await page.getByRole("button", { name: "Save", exact: true }).click();
    const told = page.getByRole("alert").filter({ hasText: "Somebody else saved version 2" });
    await told.waitFor();
    assert.deepEqual(await told.locator("li").allTextContents(), ["Filter", "Places"]);
    assert.deepEqual(await settingsOf("both"), { k: 3, where: "price > 5" });
    await told.getByRole("button", { name: "Look at theirs" }).click();
    await page.getByText("Version 2, as it was saved").waitFor();
    assert.equal(await page.getByLabel("Only products where").inputValue(), "price > 5");
    await page.getByRole("button", { name: "Back to my changes" }).click();
    await until("mine are there", async () => (await page.getByLabel("How many products").inputValue()) === "4");
    await page.getByRole("button", { name: "Save", exact: true }).click();
    await told.getByRole("button", { name: "Save mine over it" }).click();
    await page.getByText("Saved: version 3 is in force.").waitFor();
    assert.deepEqual(await settingsOf("both"), { k: 4 });
    await shop.ask("PUT", "/v1/scenarios/both", { k: 9 });
    await page.getByLabel("How many products").fill("6");
    await page.getByRole("button", { name: "Save", exact: true }).click();
    await page.getByRole("button", { name: "Take theirs" }).click();
    await until("theirs are there", async () => (await page.getByLabel("How many products").inputValue()) === "9");
}));

test("what is not saved is there again after leaving and after a reload", onPage(browser, shop, {}, async (page) => {
    await go(page, "left");
    await page.getByLabel("How many products").fill("4");
    await page.getByText("Not saved yet.").waitFor();
    await page.getByRole("link", { name: "Scenarios", exact: true }).first().click();
    await page.getByLabel("Name, such as home").fill("left");
    await page.getByRole("button", { name: "Set up" }).click();
    await until("it is kept", async () => (await page.getByLabel("How many products").inputValue()) === "4");
    await page.reload();
    await until("it is kept", async () => (await page.getByLabel("How many products").inputValue()) === "4");
    await page.getByRole("button", { name: "Discard changes" }).click();
    await page.reload();
    await idle(page);
    assert.equal(await page.getByLabel("How many products").inputValue(), "");
}));

test("of many movements one question is under way, and the last one counts", onPage(browser, shop, {}, async (page) => {
    await go(page, "moved");
    let going = 0, most = 0, last;
    await page.route("**/v1/scenarios/moved:preview", async (route) => {
        most = Math.max(most, ++going);
        last = JSON.parse(route.request().postData()).settings;
        const answer = await route.fetch();
        going--;
        await route.fulfill({ response: answer });
    });
    const slider = page.locator('input[type="range"]').first();
    await slider.focus();
    for (let i = 0; i < 15; i++) {
        await slider.press("ArrowRight");
    }
    await until("the last one is asked", () => going === 0 && last?.sources?.taste === 2.5);
    assert.equal(most, 1);
}));

test("it is tried for a user, a session, or who clicked what is picked, and the address says which", onPage(browser, shop, {}, async (page) => {
    await shop.ask("POST", "/v1/events", { kind: "click", product: lamp.product, user: "liking lamps" });
    await shop.ask("PUT", "/v1/scenarios/tried", { k: 5, control_percent: 0, random_percent: 0 });
    const ofUser = (await shop.ask("GET", "/v1/users/liking%20lamps/recommend?scenario=tried&metadata=false")).products.map((one) => titleOf(one.product));
    await go(page, "tried", "");
    assert.notDeepEqual(await titles(page, "In force now"), ofUser);
    await page.getByRole("button", { name: "A user" }).click();
    await page.getByLabel("Id of the user").fill("liking lamps");
    await until("what the user is shown", async () => (await titles(page, "In force now")).join() === ofUser.join());
    assert.equal(new URL(page.url()).searchParams.get("id"), "liking lamps");
    await page.getByRole("button", { name: "A session" }).click();
    await until("a session of this name is nobody", async () => (await titles(page, "In force now")).join() !== ofUser.join());
    await page.getByRole("button", { name: "Who clicked these" }).click();
    await page.locator(".tried").getByText("Choose products").click();
    await page.locator(".tried").getByRole("searchbox").fill(lamp.product);
    await page.locator(".tried .pick-from li:first-child button", { hasText: lamp.metadata.title }).click();
    await until("what the user is shown", async () => (await titles(page, "In force now")).join() === ofUser.join());
    assert.deepEqual(new URL(page.url()).searchParams.getAll("clicked"), [lamp.product]);
    await page.reload();
    await until("the same again", async () => (await titles(page, "In force now")).join() === ofUser.join());
}));

// ---- what came of it ----

const DAY = 86400;
for (let i = 0; i < 60; i++) {
    const user = `r${i}`, time = Math.floor(Date.now() / 1000) - (i % 3) * DAY;
    const feed = await shop.ask("GET", `/v1/users/${user}/recommend?k=4&scenario=home&metadata=false`);
    const events = feed.products.map((one) => ({ kind: "impression", product: one.product, user, rec_id: feed.rec_id, position: one.position, time }));
    events.push(...(i % 2 ? [{ ...events[i % 4], kind: "click" }, { ...events[i % 4], kind: "purchase", value: 12.5, currency: "EUR" }] : []));
    assert.equal((await shop.ask("POST", "/v1/events", events)).new, events.length);
}

test("a scenario without settings is in the list, and its report says what the API says", onPage(browser, shop, {}, async (page) => {
    await page.goto("/catalogue?at=scenarios");
    await page.locator(".rows li", { hasText: "home" }).getByText("as usual, without settings · answers in 90 days: 60").waitFor();
    await page.getByRole("link", { name: "What came of it: home" }).click();
    await page.locator(".charts canvas").first().waitFor();
    const report = await shop.ask("GET", "/v1/scenarios/home/report?days=30"), sum = (name) => report.arms.reduce((all, arm) => all + arm[name], 0);
    const facts = Object.fromEntries(await page.locator(".report .facts-list > div").evaluateAll((all) => all.map((one) => [one.querySelector("dt").textContent, one.querySelector("dd").textContent])));
    assert.deepEqual([facts.Answers, facts.Impressions, facts.Clicks, facts.Purchases, facts.Revenue], ["60", "240", String(sum("clicks")), String(sum("purchases")), "€375.00"]);
    assert.match(facts["Products shown"], new RegExp(`^${report.coverage.shown} of 120 `));
    assert.match(facts["Products clicked"], new RegExp(`^${report.coverage.clicked} of 120 `));
    assert.equal(await page.locator(".charts canvas").count(), 6);
    await page.getByText("As a table").click();
    const cells = await page.locator(".by-day tbody tr").evaluateAll((all) => all.map((row) => [...row.cells].slice(1, 5).map((cell) => Number(cell.textContent))));
    assert.deepEqual(cells, report.days.toReversed().map((day) => [day.impressions, day.clicks, day.carts, day.purchases]));
    assert.equal(cells.length, 3);
    const places = await page.locator(".by-place tbody tr").evaluateAll((all) => all.map((row) => [...row.cells].slice(0, 3).map((cell) => Number(cell.textContent))));
    assert.deepEqual(places, report.positions.map((one) => [one.position + 1, one.impressions, one.clicks]));
    assert.equal(await page.locator(".by-arm tbody tr").count(), report.arms.filter((arm) => arm.answers > 0).length);
    const { clicks } = report.personal_over_control, two = (n) => new Intl.NumberFormat("en", { maximumSignificantDigits: 2 }).format(n);
    await page.getByText(clicks === null ? "Clicks: not enough in both arms to compare yet." : `Personal brings ${two(clicks.value)} times the clicks of the visual order (${two(clicks.low)} to ${two(clicks.high)}).`).waitFor();
    await page.getByRole("button", { name: "7 days" }).click();
    await until("the days are in the address", () => new URL(page.url()).searchParams.get("days") === "7");
    await page.goto(address("nobody", "&show=report"));
    await page.getByText("No answer was given here in these days").waitFor();
}));

test("what nobody was shown is a flag that filters", onPage(browser, shop, {}, async (page) => {
    await page.goto("/catalogue");
    const flag = page.getByRole("button", { name: "Never shown" }), flags = await shop.ask("GET", "/v1/flags");
    await flag.waitFor();
    assert.equal(await flag.locator(".count").textContent(), String(flags["never-shown"]));
    await page.getByRole("button", { name: "Never clicked" }).waitFor();
    await flag.click();
    const never = (await shop.ask("GET", "/v1/products?flag=never-shown&limit=60")).products.map((one) => one.metadata.title);
    assert.ok(never.length > 0 && flags["never-shown"] < 120);
    await until("these are there", async () => (await page.locator(".rows .title").allTextContents()).slice(0, 60).join() === never.join());
    await page.getByText("No visitor has been shown these in the last four weeks").waitFor();
}));

test("on a phone nothing is wider than the window and axe finds nothing", onPage(browser, shop, { width: 360, height: 740, dark: true, language: "ja", bypassCSP: true }, async (page) => {
    await shop.ask("PUT", "/v1/scenarios/phone", { rules: [{ rule: "pin", products: [lamp.product] }, { rule: "cap", field: "colour", most: 2 }], places: { new: 1 } });
    for (const [query, there] of [["", ".rows li"], ["&scenario=phone" + clicked, ".placed li"], ["&scenario=home&show=report", ".charts canvas"]]) {
        await page.goto("/catalogue?at=scenarios" + query);
        await page.locator(there).first().waitFor();
        await assertFits(page, query);
        assert.deepEqual(await violations(page), [], query);
    }
}));
