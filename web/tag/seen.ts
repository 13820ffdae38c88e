// What was really seen: half of it, for a second, in a window that is in sight.
const SHARE = 0.5, LONG_MS = 1000;

// Tells the place of each tile that was seen, once. Returns what ends the watch.
export function watch(tiles: Iterable<Element>, seen: (place: number) => void): () => void {
    const places = new Map(Array.from(tiles, (tile, place) => [tile, place] as const)), timers = new Map<Element, number>();
    const inSight = new Set<Element>();

    const look = (tile: Element): void => {
        clearTimeout(timers.get(tile));
        const place = places.get(tile);
        if (place !== undefined && inSight.has(tile) && document.visibilityState === "visible") {
            timers.set(tile, setTimeout(() => {
                places.delete(tile);
                observer.unobserve(tile);
                seen(place);
            }, LONG_MS));
        }
    };
    const lookAtAll = (): void => places.forEach((_, tile) => look(tile));
    const observer = new IntersectionObserver((entries) => {
        for (const { target, intersectionRatio } of entries) {
            const before = inSight.has(target);
            inSight[intersectionRatio >= SHARE ? "add" : "delete"](target);
            if (before !== inSight.has(target)) {
                look(target);
            }
        }
    }, { threshold: SHARE });

    places.forEach((_, tile) => observer.observe(tile));
    document.addEventListener("visibilitychange", lookAtAll);
    return () => {
        observer.disconnect();
        document.removeEventListener("visibilitychange", lookAtAll);
        timers.forEach((timer) => clearTimeout(timer));
    };
}
