// Two models side by side on one product: which two, and what each answers.
import { computed, onMounted, ref, shallowRef, type ComputedRef, type Ref, type ShallowRef } from "vue";
import { useRoute } from "vue-router";
import { textIn } from "../address";
import { product as getProduct, Problem, type Product, type Results } from "../api";
import { tileOfProduct, tileOfResult, type Tile } from "../tile";
import { models, similarBy, type Model } from "./ask";

const FIVE = 5;

export interface TwoModels {
    known: ShallowRef<Model[]>;
    a: Ref<string>;
    b: Ref<string>;
    ready: ComputedRef<boolean>;
    query: ShallowRef<Tile | undefined>;
    rows: ShallowRef<Tile[][]>;
    problem: ShallowRef<Problem | undefined>;
    ask: (id: string) => Promise<void>;
}

export function useTwoModels(): TwoModels {
    const route = useRoute(), known = shallowRef<Model[]>([]), a = ref(""), b = ref("");
    const query = shallowRef<Tile>(), rows = shallowRef<Tile[][]>([]), problem = shallowRef<Problem>();
    const ready = computed(() => a.value !== "" && b.value !== "" && a.value !== b.value);

    async function ask(id: string): Promise<void> {
        problem.value = undefined;
        try {
            const [product, ...answers]: [Product, ...Results[]] = await Promise.all([getProduct(id), similarBy(id, a.value, FIVE), similarBy(id, b.value, FIVE)]);
            query.value = tileOfProduct(product);
            rows.value = answers.map((answer) => answer.products.map(tileOfResult));
        } catch (fault) {
            problem.value = fault instanceof Problem ? fault : new Problem(0, "", String(fault));
            rows.value = [];
        }
    }

    // Those that have vectors can be asked.
    onMounted(async () => {
        known.value = (await models().catch(() => [])).filter((model) => model.vectors > 0);
        const named = (which: string): string | undefined => known.value.find((model) => model.name === textIn(route.query, which))?.name;
        a.value = named("a") ?? known.value.find((model) => model.default)?.name ?? known.value[0]?.name ?? "";
        b.value = named("b") ?? known.value.find((model) => model.name !== a.value)?.name ?? "";
    });
    return { known, a, b, ready, query, rows, problem, ask };
}
