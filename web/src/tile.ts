// What a product shows of itself, wherever it came from.
import type { Product } from "./api";

export interface Tile {
    id: string;
    title: string;
    category?: string;
    photo?: string;
    photoNumber: number;
    price?: number;
    currency?: unknown;
    soldOut: boolean;
    score?: number;
    word?: string;
}

type Metadata = Record<string, unknown>;

const textOf = (value: unknown): string | undefined => (typeof value === "string" && value.trim() !== "" ? value : undefined);
const numberOf = (value: unknown): number | undefined => (typeof value === "number" ? value : undefined);

function tile(id: string, metadata: Metadata, photo: { number: number; url: string } | undefined): Tile {
    const stock = numberOf(metadata.stock);
    return {
        id,
        title: textOf(metadata.title) ?? id,
        category: textOf(metadata.category),
        photo: photo?.url,
        photoNumber: photo?.number ?? 0,
        price: numberOf(metadata.price),
        currency: metadata.currency,
        soldOut: metadata.available === false || (stock !== undefined && stock <= 0),
    };
}

export const tileOfProduct = (from: Product): Tile => tile(from.product, from.metadata as Metadata, from.photos[0]);

// Of an answer: what was found, what is recommended, what stands for a taste.
interface Described {
    product: string;
    metadata?: unknown;
    photo?: { number: number; url: string };
    score?: number;
    word?: string;
}

export const tileOfResult = (from: Described): Tile => ({
    ...tile(from.product, (from.metadata ?? {}) as Metadata, from.photo),
    score: from.score,
    word: from.word,
});
