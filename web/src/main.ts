import { keyInAddress } from "./key-in-address";
import { createApp } from "vue";
import App from "./app-page.vue";
import { router } from "./router";
import { learnSession, signIn } from "./session";
import "./tokens.css";
import "./page.css";

if (keyInAddress !== null) {
    await signIn(keyInAddress).catch(() => false);
}
// Most often no key is needed: the views ask for what they show beside it, so that the first photo need not wait.
void learnSession();
createApp(App).use(router).mount("#page");
