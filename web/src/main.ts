import { keyInAddress } from "./key-in-address";
import { createApp } from "vue";
import App from "./app-page.vue";
import { router } from "./router";
import { learnSession, signIn } from "./session";
import "./style/tokens.css";
import "./style/base.css";
import "./style/shop.css";
import "./style/catalogue.css";
import "./style/engine.css";
import "./style/product.css";
import "./style/for-you.css";
import "./style/scenarios.css";
import "./style/floating.css";

if (keyInAddress !== null) {
    await signIn(keyInAddress).catch(() => false);
}
// Most often no key is needed: the views ask for what they show beside it, so that the first photo need not wait.
void learnSession();
createApp(App).use(router).mount("#page");
