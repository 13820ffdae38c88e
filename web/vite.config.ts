// The page. What is built goes into dist/, which is part of the repository: building niteru needs no Node.
import vue from "@vitejs/plugin-vue";
import { defineConfig } from "vite";

export default defineConfig({
    plugins: [vue()],
    build: {
        cssCodeSplit: false,
        assetsInlineLimit: 0, // the page's policy allows no data: but photos
        modulePreload: { polyfill: false },
        target: "es2022",
        rolldownOptions: {
            output: {
                entryFileNames: "assets/[name].js",
                chunkFileNames: "assets/[name].js",
                // What all views need is one file beside the first; the merchandiser's and the engineer's are their own.
                codeSplitting: { groups: [{ name: "shared", test: /node_modules[\\/](?!uplot)|[\\/]src[\\/](?!main|catalogue|engine|for-you|scenarios|words[\\/]scenarios|views[\\/](catalogue|engine|for-you))/ }] },
                assetFileNames: "assets/[name].[ext]",
            },
        },
    },
    define: { __VUE_OPTIONS_API__: false, __VUE_PROD_DEVTOOLS__: false },
    server: { proxy: { "/v1": "http://127.0.0.1:8080" } },
});
