// The words of these views, which come with them.
import { addWords } from "../words";
import en from "../words/scenarios-en.json";
import ja from "../words/scenarios-ja.json";

addWords({ en, ja });
