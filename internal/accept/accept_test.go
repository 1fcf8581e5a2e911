package accept

import "testing"

func TestGzip(t *testing.T) {
	for header, want := range map[string]bool{
		"": false, "gzip": true, "GZip": true, "deflate, gzip;q=1.0, br": true, "gzip; q=0.001": true,
		"gzip;q=0": false, "gzip;q=0.0": false, "gzip; q=0.000": false, "gzip;q=x": false, "identity": false,
		"*": true, "*;q=0": false, "gzip;q=0, *": false, "*;q=0, gzip": true, "xgzip": false,
	} {
		if got := Gzip(header); got != want {
			t.Errorf("%q: %v, want %v", header, got, want)
		}
	}
}
