package identity

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/template"

	"go.yaml.in/yaml/v3"

	"peerscope/internal/flow"
)

// Entities say as which services processes are known, in SkyWalking's words, by
// templates over what is known of them. Processes in a pod have the entities of
// pods, others in a container those of containers, and all others those of
// hosts.
type Entities struct {
	host, container, pod []entity
}

// entity is the templates of one entity.
type entity struct {
	layer, service, instance, process *template.Template
	labels                            []*template.Template
}

// defaultEntities is a file that reads as what is done without one.
const defaultEntities = `
host:
  - {layer: OS_LINUX, service: '{{.Host}}', instance: '{{.Host}}', process: '{{.Name}}'}
pod:
  - layer: K8S_SERVICE
    service: '{{with or .Workload.Name .Pod.Service}}{{.}}.{{$.Pod.Namespace}}{{end}}'
    instance: '{{.Pod.Name}}'
    process: '{{.Name}}'
`

// DefaultEntities are those without a file: of a host the service is the host;
// of a pod it is the workload, else the service that selects it, with the
// namespace. A pod of which neither is known has no entity.
func DefaultEntities() (*Entities, error) { return ReadEntities(strings.NewReader(defaultEntities)) }

// maxEntities bounds a file of templates.
const maxEntities = 1 << 20

// ReadEntities reads templates from YAML, or from JSON, which is YAML too. An
// error is one line that says where and what.
func ReadEntities(r io.Reader) (*Entities, error) {
	b, err := io.ReadAll(io.LimitReader(r, maxEntities+1))
	switch {
	case err != nil:
		return nil, err
	case len(b) > maxEntities:
		return nil, fmt.Errorf("longer than %d bytes", maxEntities)
	}
	var file struct {
		Host, Container, Pod []entityText
	}
	dec := yaml.NewDecoder(bytes.NewReader(b))
	dec.KnownFields(true)
	if err := dec.Decode(&file); err != nil {
		return nil, yamlError(err)
	}
	if err := dec.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return nil, errors.New("more than one document")
	}
	if len(file.Host)+len(file.Container)+len(file.Pod) == 0 {
		return nil, errors.New("no entities: give a list under host, container or pod")
	}
	e := &Entities{}
	for _, kind := range [...]struct {
		texts []entityText
		into  *[]entity
	}{{file.Host, &e.host}, {file.Container, &e.container}, {file.Pod, &e.pod}} {
		for i := range kind.texts {
			parsed, err := kind.texts[i].parse()
			if err != nil {
				return nil, err
			}
			*kind.into = append(*kind.into, parsed)
		}
	}
	if file.Container == nil {
		e.container = e.host
	}
	return e, nil
}

// yamlError is the first of the errors of a decoder, in one line and without the
// names of Go's types.
func yamlError(err error) error {
	if errors.Is(err, io.EOF) {
		return errors.New("empty")
	}
	line := strings.TrimPrefix(err.Error(), "yaml: ")
	var wrong *yaml.TypeError
	if errors.As(err, &wrong) && len(wrong.Errors) > 0 {
		line = wrong.Errors[0]
	}
	line, _, _ = strings.Cut(line, "\n")
	line, _, unknown := strings.Cut(line, " not found in type")
	if unknown {
		return fmt.Errorf("%s is not known: at the top are host, container and pod, in each entity layer, service, instance, process and labels", line)
	}
	if i := strings.Index(line, " into "); i >= 0 {
		line = line[:i] + ": that does not fit here"
	}
	return errors.New(line)
}

// entityText is one entity as it is written.
type entityText struct {
	Layer, Service, Instance, Process templateText
	Labels                            []templateText
}

// templateText is a template and the line it stands on.
type templateText struct {
	text string
	line int
}

// UnmarshalYAML keeps the line for errors.
func (t *templateText) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind != yaml.ScalarNode {
		return &yaml.TypeError{Errors: []string{fmt.Sprintf("line %d: a text is wanted here", n.Line)}}
	}
	t.text, t.line = n.Value, n.Line
	return nil
}

func (t *entityText) parse() (entity, error) {
	var e entity
	if t.Service.text == "" {
		return e, errors.New("an entity has no service")
	}
	for _, p := range [...]struct {
		name string
		from templateText
		into **template.Template
	}{{"layer", t.Layer, &e.layer}, {"service", t.Service, &e.service}, {"instance", t.Instance, &e.instance}, {"process", t.Process, &e.process}} {
		parsed, err := p.from.parse(p.name)
		if err != nil {
			return e, err
		}
		*p.into = parsed
	}
	for _, l := range t.Labels {
		parsed, err := l.parse("labels")
		if err != nil {
			return e, err
		}
		e.labels = append(e.labels, parsed)
	}
	return e, nil
}

// parse makes a template and tries it: what it names that there is not shows
// when it is carried out.
func (t templateText) parse(name string) (*template.Template, error) {
	parsed, err := template.New(name).Option("missingkey=error").Parse(t.text)
	if err == nil {
		err = parsed.Execute(io.Discard, sampleFacts())
	}
	if err != nil {
		what := strings.TrimPrefix(err.Error(), "template: ")
		what, _, _ = strings.Cut(what, "\n")
		what, _, _ = strings.Cut(what, " in type ")
		return nil, fmt.Errorf("line %d: %s", t.line, what)
	}
	return parsed, nil
}

// of makes the entities of a process. One whose service comes out empty is left
// out: what it is made of is not known.
func (e *Entities) of(p *flow.Process, host *flow.Host) []flow.Entity {
	list := e.host
	switch {
	case p.Pod.Name != "" || p.Pod.UID != "":
		list = e.pod
	case p.Container != "":
		list = e.container
	}
	if len(list) == 0 {
		return nil
	}
	facts := factsOf(p, host)
	var out []flow.Entity
	for i := range list {
		if made, ok := list[i].of(facts); ok {
			out = append(out, made)
		}
	}
	return out
}

func (e *entity) of(f *entityFacts) (flow.Entity, bool) {
	made := flow.Entity{Layer: fill(e.layer, f), Service: fill(e.service, f), Instance: fill(e.instance, f), Process: fill(e.process, f)}
	for _, l := range e.labels {
		if v := fill(l, f); v != "" {
			made.Labels = append(made.Labels, v)
		}
	}
	return made, made.Service != ""
}

// fill carries out a template; one that fails is empty.
func fill(t *template.Template, f *entityFacts) string {
	var b strings.Builder
	if t.Execute(&b, f) != nil {
		return ""
	}
	return text(strings.TrimSpace(b.String()))
}
