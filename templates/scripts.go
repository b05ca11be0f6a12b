package templates

// scriptKeys are the sentences of the scripts in static, besides those that count.
var scriptKeys = []string{
	"%s %s", "%s ago", "%s of %s characters", "Close", "Copied", "Go to Approve; Enter presses it", "Go to Reject; Enter presses it", "Keyboard shortcuts",
	"Next in the list", "Not copied: open it and copy it there", "Previous in the list", "Remove the filter %s", "Review %d selected", "Review selected",
	"Save", "Save this filter as", "Saved filters", "Search", "Select or unselect", "Show or hide this list",
	"This changed while you were typing. Here is what you typed:", "Use single keys on this device", "Write a comment", "Your browser does not allow it",
	"in %s", "in %s min %s s", "in less than a minute", "just now",
}

// countedKeys are the singulars of those that count.
var countedKeys = []string{"%d minute", "%d hour", "%d day"}

// scriptWords are the sentences of the scripts in p's language, which a page has in its head; nil in
// English, which the scripts have themselves.
func (p *printer) scriptWords() map[string]any {
	if p.english {
		return nil
	}
	words := map[string]any{}
	for _, key := range scriptKeys {
		words[key] = p.of(p.messages, key, "", 1)
	}
	for _, key := range countedKeys {
		forms := map[string]string{}
		for i, f := range p.messages[key] {
			forms[categories[p.order[i]]] = f
		}
		words[key] = forms
	}
	return words
}
