/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of searching by text share: products with texts, and answers as ids. */
#ifndef TEXT_SUPPORT_H
#define TEXT_SUPPORT_H

#include "catalogue-support.h"

typedef struct TextShop {
    char *folder;
    NtCatalogue *catalogue;
    NtRun run;
    NtColumns *columns; /* title and note are texts, tags a list, price a number */
} TextShop;

/* A catalogue in a fresh folder, between begin and commit. */
void text_shop_open(TextShop *shop);
void text_shop_drop(TextShop *shop);
/* Commits, looks whether the catalogue is sound, and begins again. */
void text_shop_turn(TextShop *shop);

/* Puts a product; of NULL and of what is "" there is none. */
void put_text(TextShop *shop, const char *id, const char *title, const char *note, const char *tags);

/* The ids of what is found, the best first, as "a b c", behind "some: " where no product has all words. */
char *found(NtCatalogue *catalogue, const char *text);
void expect_found(TextShop *shop, const char *text, const char *ids);

#endif
