// Package spelling corrects words in which one letter is missing.
package spelling

import "slices"

var index = build()

// Suggest returns the words that become this one when a letter is left out.
func Suggest(word string) []string { return index[word] }

// build maps every word with one letter left out to the words that it may have been.
func build() map[string][]string {
	index := map[string][]string{}
	for _, word := range words() {
		for i := range word {
			short := word[:i] + word[i+1:]
			if !slices.Contains(index[short], word) {
				index[short] = append(index[short], word)
			}
		}
	}
	return index
}

// words returns all that the dictionary holds: a beginning, a middle, and an ending.
func words() (all []string) {
	beginnings := []string{"be", "co", "de", "ex", "in", "pre", "re", "un"}
	middles := []string{"cal", "dict", "flect", "form", "ject", "port", "serv", "tend", "tract"}
	endings := []string{"", "able", "ed", "er", "ing", "ion", "or", "s"}
	for _, beginning := range beginnings {
		for _, middle := range middles {
			for _, ending := range endings {
				all = append(all, beginning+middle+ending)
			}
		}
	}
	return all
}
