// The tag: one classic script beside the page's files, in the folder that the page's build has just made.
import { defineConfig } from "vite";

export default defineConfig({
    publicDir: false,
    build: {
        emptyOutDir: false,
        target: "es2022",
        rolldownOptions: { input: "tag/tag.ts", output: { format: "iife", entryFileNames: "tag.js" } },
    },
});
