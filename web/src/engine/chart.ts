// Lines over time, drawn by uPlot in the colours of the theme, as wide as their place.
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { onMounted, onUnmounted, watch, type Ref } from "vue";
import { language } from "../words";

export interface Line {
    label: string;
    colour: string; // the name of a token
    dash?: number[];
}

export interface Chart {
    lines: Line[];
    x: string; // what goes to the right
    steps: number[]; // seconds that its ticks may be apart
    sayX: (seconds: number) => string;
    sayY: (value: number) => string;
    leastTop: number; // the axis goes up to this at least, and begins at zero
    height: number; // pixels
    legend: boolean;
}

const colour = (name: string): string => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const scheme = matchMedia("(prefers-color-scheme: dark)");

// Draws what `chart` says once there are two points, anew with the theme and the language.
export function useChart(place: Ref<HTMLElement | undefined>, columns: Ref<uPlot.AlignedData>, chart: () => Chart): void {
    let drawn: uPlot | undefined, resize: ResizeObserver | undefined;
    const width = (): number => Math.max(200, place.value!.clientWidth);

    function draw(): void {
        drawn?.destroy();
        drawn = undefined;
        if (place.value === undefined || columns.value[0].length < 2) {
            return;
        }
        const { lines, x, steps, sayX, sayY, leastTop, height, legend } = chart();
        const axis = { stroke: colour("--quiet"), grid: { stroke: colour("--line"), width: 1 }, ticks: { stroke: colour("--line"), width: 1 } };
        drawn = new uPlot({
            width: width(),
            height,
            scales: { y: { range: (_, __, most) => [0, Math.max(leastTop, most * 1.1)] } },
            series: [{ label: x }, ...lines.map(({ label, colour: name, dash }): uPlot.Series => ({ label, stroke: colour(name), width: 2, dash, points: { size: 5 } }))],
            legend: { show: legend, live: false },
            axes: [{ ...axis, incrs: steps, values: (_, ticks) => ticks.map(sayX) }, { ...axis, size: 64, values: (_, ticks) => ticks.map(sayY) }],
        }, columns.value, place.value);
    }

    onMounted(() => {
        draw();
        resize = new ResizeObserver(() => drawn?.setSize({ width: width(), height: chart().height }));
        resize.observe(place.value!);
        scheme.addEventListener("change", draw);
    });
    watch(columns, (now) => (drawn !== undefined && now[0].length > 1 ? drawn.setData(now) : draw()));
    watch(language, draw);
    onUnmounted(() => {
        drawn?.destroy();
        resize?.disconnect();
        scheme.removeEventListener("change", draw);
    });
}
