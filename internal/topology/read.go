package topology

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Read reads a map that `peerscope map -o json` wrote. What a newer version
// added to the format is left out.
func Read(r io.Reader) (*Map, error) {
	var m Map
	dec := json.NewDecoder(r)
	if err := dec.Decode(&m); err != nil {
		var syntax *json.SyntaxError
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			return nil, errors.New("the map is cut off: write it again with peerscope map -o json")
		case errors.As(err, &syntax):
			return nil, fmt.Errorf("the map is damaged at byte %d: %w", syntax.Offset, err)
		}
		return nil, fmt.Errorf("read the map: %w", err)
	}
	switch {
	case m.Schema == "":
		return nil, errors.New("this is not a map: give a file that peerscope map -o json wrote")
	case m.Schema != Schema:
		return nil, fmt.Errorf("the map has the schema %.40q, and this program reads %s: use a newer peerscope", m.Schema, Schema)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("something stands after the end of the map: give one map a file")
	}
	return &m, m.check()
}

// check fails on edges that name no ends, or nodes that are not there.
func (m *Map) check() error {
	ids := make(map[string]bool, len(m.Nodes))
	for i := range m.Nodes {
		ids[m.Nodes[i].ID] = true
	}
	for i := range m.Edges {
		e := &m.Edges[i]
		if len(e.Ends) != 2 && (len(e.Ends) > 0 || e.Client == "" || e.Server == "") {
			return fmt.Errorf("edge %.40q of the map has neither client and server nor two ends", e.ID)
		}
		if len(e.EndPorts) != 0 && len(e.EndPorts) != len(e.Ends) {
			return fmt.Errorf("edge %.40q of the map has %d ports for %d ends", e.ID, len(e.EndPorts), len(e.Ends))
		}
		for _, id := range e.nodes() {
			if !ids[id] {
				return fmt.Errorf("edge %.40q of the map names the node %.60q, which is not in it", e.ID, strings.ToValidUTF8(id, "?"))
			}
		}
	}
	return nil
}
