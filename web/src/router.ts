// The state is the address: what is asked, filters, dials and language stand in it.
import { createRouter, createWebHistory } from "vue-router";
import ShopView from "./views/shop-view.vue";
import ProductView from "./views/product-view.vue";
import PhotoView from "./views/photo-view.vue";

// Who goes back is taken to where the page was, as soon as it reaches there again.
async function tallEnough(top: number): Promise<void> {
    for (const end = Date.now() + 3000; Date.now() < end && document.documentElement.scrollHeight < top + innerHeight;) {
        await new Promise(requestAnimationFrame);
    }
}

export const router = createRouter({
    history: createWebHistory(),
    routes: [
        { path: "/", name: "shop", component: ShopView },
        { path: "/p/:id(.+)", name: "product", component: ProductView, props: true },
        { path: "/photo/:upload?", name: "photo", component: PhotoView, props: true },
        { path: "/for-you", name: "for-you", component: () => import("./views/for-you-view.vue") },
        { path: "/catalogue", name: "catalogue", component: () => import("./views/catalogue-view.vue") },
        { path: "/engine", name: "engine", component: () => import("./views/engine-view.vue") },
        { path: "/:rest(.*)*", redirect: { name: "shop" } },
    ],
    scrollBehavior: async (to, from, saved) => {
        if (saved !== null) {
            await tallEnough(saved.top);
        }
        return saved ?? (to.path === from.path ? undefined : { top: 0 });
    },
});
