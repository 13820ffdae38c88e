// The photo that a visitor searches with. It stays in the browser; the server keeps it for a quarter of an hour.
import { shallowRef } from "vue";
import type { Router } from "vue-router";

export interface OwnPhoto {
    file: File;
    url: string;
    upload?: string; // its name at the server
}

export const ownPhoto = shallowRef<OwnPhoto>();

export async function searchByPhoto(file: File, router: Router): Promise<void> {
    if (ownPhoto.value !== undefined) {
        URL.revokeObjectURL(ownPhoto.value.url);
    }
    ownPhoto.value = { file, url: URL.createObjectURL(file) };
    await router.push({ name: "photo", params: { upload: "" }, query: { lang: router.currentRoute.value.query.lang } });
}
