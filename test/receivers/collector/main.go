// Command collector is the OTLP receiver of the OpenTelemetry Collector: what it
// takes by gRPC and by HTTP it writes to standard output, a request a line, as
// OTLP's JSON.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"sync"
	"syscall"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/receiver"
	"go.opentelemetry.io/collector/receiver/otlpreceiver"
)

func main() {
	grpc := flag.String("grpc", "127.0.0.1:4317", "address for gRPC")
	http := flag.String("http", "127.0.0.1:4318", "address for HTTP")
	flag.Parse()
	if err := run(*grpc, *http); err != nil {
		fmt.Fprintln(os.Stderr, "collector:", err)
		os.Exit(1)
	}
}

func run(grpc, http string) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	factory := otlpreceiver.NewFactory()
	config := factory.CreateDefaultConfig()
	err := confmap.NewFromStringMap(map[string]any{"protocols": map[string]any{
		"grpc": map[string]any{"endpoint": grpc}, "http": map[string]any{"endpoint": http}}}).Unmarshal(config)
	if err != nil {
		return fmt.Errorf("configure the receiver: %w", err)
	}
	var mu sync.Mutex
	write, err := consumer.NewMetrics(func(_ context.Context, m pmetric.Metrics) error {
		line, err := new(pmetric.JSONMarshaler).MarshalMetrics(m)
		if err != nil {
			return err
		}
		mu.Lock()
		defer mu.Unlock()
		_, err = os.Stdout.Write(append(line, '\n'))
		return err
	})
	if err != nil {
		return err
	}
	r, err := factory.CreateMetrics(ctx, receiver.Settings{ID: component.NewID(factory.Type()), TelemetrySettings: componenttest.NewNopTelemetrySettings()}, config, write)
	if err != nil {
		return fmt.Errorf("make the receiver: %w", err)
	}
	if err := r.Start(ctx, componenttest.NewNopHost()); err != nil {
		return fmt.Errorf("start the receiver: %w", err)
	}
	<-ctx.Done()
	return r.Shutdown(context.WithoutCancel(ctx))
}
