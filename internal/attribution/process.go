package attribution

import (
	"cmp"
	"slices"

	"peerscope/internal/flow"
)

// compareProcess orders two tellings of one moment, so that it does not matter
// which came first. Text that is known is greater than none, so of two that
// differ in that alone the one that knows more counts: facts that came late are
// told again for the same moment.
func compareProcess(a, b *flow.Process) int {
	if c := compareTexts(a, b); c != 0 {
		return c
	}
	return cmp.Or(
		comparePods(&a.Pod, &b.Pod),
		slices.Compare(a.ImageTags, b.ImageTags),
		slices.CompareFunc(a.ContainerLabels, b.ContainerLabels, compareLabels),
		slices.CompareFunc(a.Entities, b.Entities, compareEntities),
		slices.Compare(a.ExposedPorts, b.ExposedPorts),
		slices.Compare(a.InstanceAddrs, b.InstanceAddrs),
	)
}

func compareTexts(a, b *flow.Process) int {
	for _, p := range [...][2]string{
		{a.Executable, b.Executable}, {a.CommandLine, b.CommandLine}, {a.Name, b.Name}, {a.Cgroup, b.Cgroup}, {a.InstanceID, b.InstanceID},
		{a.Script, b.Script}, {a.Container, b.Container}, {a.ContainerName, b.ContainerName}, {a.Image, b.Image}, {a.Owner, b.Owner},
	} {
		if c := cmp.Compare(p[0], p[1]); c != 0 {
			return c
		}
	}
	return 0
}

func comparePods(a, b *flow.Pod) int {
	return cmp.Or(
		cmp.Compare(a.UID, b.UID), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Namespace, b.Namespace),
		cmp.Compare(a.Container, b.Container), cmp.Compare(a.Node, b.Node),
		slices.CompareFunc(a.Owners, b.Owners, func(a, b flow.Owner) int {
			return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Name, b.Name))
		}),
		slices.Compare(a.Services, b.Services),
		slices.CompareFunc(a.Labels, b.Labels, compareLabels),
	)
}

func compareLabels(a, b flow.Label) int {
	return cmp.Or(cmp.Compare(a.Key, b.Key), cmp.Compare(a.Value, b.Value))
}

func compareEntities(a, b flow.Entity) int {
	return cmp.Or(cmp.Compare(a.Layer, b.Layer), cmp.Compare(a.Service, b.Service), cmp.Compare(a.Instance, b.Instance),
		cmp.Compare(a.Process, b.Process), slices.Compare(a.Labels, b.Labels))
}
