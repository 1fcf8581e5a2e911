package config

import (
	"encoding/json"
	"reflect"
	"strings"
)

// schema is the JSON schema of the file, for editors.
func schema() ([]byte, error) {
	c := Default()
	s := schemaOf(reflect.ValueOf(c))
	s["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	s["title"] = "Configuration of peerscope serve"
	out, err := json.MarshalIndent(s, "", "  ")
	return append(out, '\n'), err
}

func schemaOf(v reflect.Value) map[string]any {
	properties := map[string]any{}
	for i := range v.NumField() {
		t := v.Type().Field(i)
		var s map[string]any
		switch fv := v.Field(i); fv.Interface().(type) {
		case Duration:
			s = map[string]any{"type": "string", "default": fv.Interface().(Duration).String()}
		case Size:
			s = map[string]any{"type": []string{"string", "integer"}, "default": fv.Interface().(Size).String()}
		case []string:
			s = map[string]any{"type": "array", "items": map[string]any{"type": "string"}}
		case map[string]string:
			s = map[string]any{"type": "object", "additionalProperties": map[string]any{"type": "string"}}
		case bool:
			s = map[string]any{"type": "boolean", "default": fv.Bool()}
		case int:
			s = map[string]any{"type": "integer", "minimum": 0, "default": fv.Int()}
		case string:
			s = map[string]any{"type": "string", "default": fv.String()}
		default:
			s = schemaOf(fv)
		}
		if e, ok := t.Tag.Lookup("enum"); ok {
			s["enum"] = strings.Split(e, ",")
		}
		s["description"] = t.Tag.Get("doc")
		properties[t.Tag.Get("yaml")] = s
	}
	return map[string]any{"type": "object", "additionalProperties": false, "properties": properties}
}
