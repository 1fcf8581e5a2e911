// Package accept reads what an HTTP client says that it can take.
package accept

import (
	"strconv"
	"strings"
)

// Gzip reports whether an Accept-Encoding header (RFC 9110, section 12.5.3) takes gzip;
// a weight of 0 refuses.
func Gzip(header string) bool {
	any := false
	for one := range strings.SplitSeq(header, ",") {
		name, weight, _ := strings.Cut(strings.TrimSpace(one), ";")
		value, weighted := strings.CutPrefix(strings.ReplaceAll(weight, " ", ""), "q=")
		q, err := strconv.ParseFloat(value, 64)
		ok := !weighted || err == nil && q > 0
		switch strings.ToLower(strings.TrimSpace(name)) {
		case "gzip":
			return ok
		case "*":
			any = ok
		}
	}
	return any
}
