import { createApp } from "vue";
import App from "./app-page.vue";
import { router } from "./router";
import "./tokens.css";
import "./page.css";

createApp(App).use(router).mount("#page");
