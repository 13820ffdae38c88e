/* SPDX-License-Identifier: Apache-2.0 */
/* Indexes a folder of photos and prints, for its first product, the five that look most alike.
 * Build: cc similar.c -o similar $(pkg-config --cflags --libs niteru)     Run: ./similar FOLDER */
#include <niteru/niteru.h>
#include <stdio.h>

static bool take_first(const char *id, const char *json, void *data) {
    *(char **)data = g_strdup(id);
    return false;
}

int main(int argc, char **argv) {
    if (argc != 2) {
        fprintf(stderr, "usage: %s FOLDER-OF-PHOTOS\n", argv[0]);
        return 2;
    }
    g_autoptr(GError) error = NULL;
    g_autofree char *id = NULL;
    g_autoptr(NiteruResults) alike = NULL;
    g_autoptr(NiteruCatalogue) shop = niteru_open("example.niteru", NULL, &error);

    if (shop == NULL || !niteru_index(shop, argv[1], NULL, NULL, NULL, &error) ||
        !niteru_list(shop,
                     &(NiteruListOptions){.size = sizeof(NiteruListOptions), .where = NULL, .after = NULL, .limit = 1},
                     take_first, &id, NULL, &error)) {
        fprintf(stderr, "%s\n", error->message);
        return 1;
    }
    if (id == NULL || (alike = niteru_similar(shop, id, NULL, NULL, &error)) == NULL) {
        fprintf(stderr, "%s\n", error != NULL ? error->message : "no photos there");
        return 1;
    }
    printf("%s looks like\n", id);
    for (size_t i = 0; i < niteru_results_count(alike); i++) {
        const NiteruResult *result = niteru_results_get(alike, i);
        printf("  %5.1f  %s (%s)\n", result->score, result->product, result->word);
    }
    return 0;
}
