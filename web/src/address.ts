// Reading and writing the query of the address.
import { computed, type WritableComputedRef } from "vue";
import { useRoute, useRouter, type LocationQuery } from "vue-router";

export const textIn = (query: LocationQuery, name: string): string => {
    const value = query[name];
    return (Array.isArray(value) ? value[0] : value) ?? "";
};

export const textsIn = (query: LocationQuery, name: string): string[] => {
    const value = query[name];
    return (Array.isArray(value) ? value : [value]).filter((text): text is string => typeof text === "string" && text !== "");
};

// One value of the address that can be set; setting it replaces the address, so that Back goes to another view.
export function useInAddress(name: string): WritableComputedRef<string> {
    const route = useRoute(), router = useRouter();
    return computed({
        get: () => textIn(route.query, name),
        set: (value: string) => void router.replace({ query: { ...route.query, [name]: value === "" ? undefined : value } }),
    });
}
