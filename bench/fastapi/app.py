# SPDX-License-Identifier: Apache-2.0
"""The usual stack for "products like this one": FastAPI with scikit-learn or faiss, all in memory. For bench/http-service.py.

Environment: VECTORS (.npy, float32), METADATA (a JSON array, in the order of the rows), SEARCH (sklearn or faiss).
One row is one product, product-0000000 and so on. Searches are exact, by the cosine. Handlers are coroutines: a search
fills a core, and a hop to the thread pool would cost some 50 us for nothing."""
import os

import numpy as np
import orjson
from fastapi import FastAPI, HTTPException, Response

vectors = np.load(os.environ["VECTORS"])
vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
with open(os.environ["METADATA"], "rb") as file:
    metadata = orjson.loads(file.read())
ids = [f"product-{row:07d}" for row in range(len(vectors))]
rows = {product: row for row, product in enumerate(ids)}

if os.environ["SEARCH"] == "faiss":
    import faiss

    faiss.omp_set_num_threads(1)
    index = faiss.IndexFlatIP(vectors.shape[1])
    index.add(vectors)

    def nearest(row, k):
        scores, found = index.search(vectors[row:row + 1], k)
        return zip(found[0].tolist(), scores[0].tolist())
else:
    from sklearn.neighbors import NearestNeighbors

    index = NearestNeighbors(algorithm="brute", metric="cosine").fit(vectors)

    def nearest(row, k):
        distances, found = index.kneighbors(vectors[row:row + 1], k)
        return zip(found[0].tolist(), (1 - distances[0]).tolist())

app = FastAPI()


@app.get("/v1/products/{product}/similar")
async def similar(product: str, k: int = 5):
    row = rows.get(product)
    if row is None:
        raise HTTPException(404, "no such product")
    found = [{"product": ids[other], "score": score, "metadata": metadata[other]}
             for other, score in nearest(row, k + 1) if other != row][:k]
    return Response(orjson.dumps({"products": found}), media_type="application/json")
