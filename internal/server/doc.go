// Package server answers over HTTP what the map is now, what it was and how it
// changes, and serves the web interface beside it. The contract of its answers is
// openapi.yaml.
package server
