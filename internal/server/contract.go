package server

import _ "embed"

// contract is what the endpoints promise, as they serve it.
//
//go:embed openapi.yaml
var contract []byte
