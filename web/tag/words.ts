// What the tag itself says, in the language that it stands in.
export interface Heading {
    text: string;
    lang: string; // "" where the shop wrote it
}

export function headingOf(own: string, element: Element): Heading {
    const language = element.closest("[lang]")?.getAttribute("lang") ?? "";
    return own !== ""
        ? { text: own, lang: "" }
        : /^ja\b/i.test(language)
          ? { text: "見た目が似ている商品", lang: "ja" }
          : { text: "Looks like this", lang: "en" };
}
