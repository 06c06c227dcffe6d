// Command pulumi-language-python is the Python language host for machines that cannot download the vendor's. It serves
// the same protocol with the libraries of Pulumi's SDK, so that a program or a policy pack runs here exactly as it does
// for everyone who has the official one: docs/ARCHITECTURE.md has the table of what was compared.
//
// The engine starts it as `pulumi-language-python <engine address>`, reads a TCP port from the first line of its output
// and calls the LanguageRuntime service there.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/common/util/cmdutil"
	"github.com/pulumi/pulumi/sdk/v3/go/common/util/logging"
	"github.com/pulumi/pulumi/sdk/v3/go/common/util/rpcutil"
	"github.com/pulumi/pulumi/sdk/v3/go/common/version"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"google.golang.org/grpc"
)

// executor is the script that runs programs. It is in the host's own folder, as the official one's is.
const executor = "pulumi-language-python-exec"

// engineCheck is the time between two checks whether the engine is still there: the official host's.
const engineCheck = 5 * time.Minute

func main() {
	tracing := flag.String("tracing", "", "send traces to this Zipkin-compatible endpoint")
	showVersion := flag.Bool("version", false, "print the version and exit")
	script := flag.String("use-executor", "", "run programs with this script")
	flag.Parse()
	if *showVersion {
		fmt.Println(version.Version)
		return
	}
	logging.InitLogging(false, 0, false)
	cmdutil.InitTracing("pulumi-language-python", "pulumi-language-python", *tracing)
	if err := serve(*script, *tracing, flag.Arg(0)); err != nil {
		cmdutil.Exit(err)
	}
}

// serve answers the engine until it is interrupted or the engine is gone.
func serve(script, tracing, engine string) error {
	if script == "" {
		self, err := os.Executable()
		if err != nil {
			return fmt.Errorf("finding the language host's own folder: %w", err)
		}
		script = filepath.Join(filepath.Dir(self), executor)
		if _, err := os.Stat(script); err != nil {
			return fmt.Errorf("the executor is missing: %w", err)
		}
	}
	interrupted, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if engine != "" {
		if err := rpcutil.Healthcheck(interrupted, engine, engineCheck, stop); err != nil {
			return fmt.Errorf("watching the engine: %w", err)
		}
	}
	cancel := make(chan bool)
	go func() {
		<-interrupted.Done()
		stop()
		close(cancel)
	}()
	handle, err := rpcutil.ServeWithOptions(rpcutil.ServeOptions{
		Cancel: cancel,
		Init: func(server *grpc.Server) error {
			pulumirpc.RegisterLanguageRuntimeServer(server, newHost(script, tracing, engine))
			return nil
		},
		Options: rpcutil.TracingServerInterceptorOptions(nil),
	})
	if err != nil {
		return fmt.Errorf("starting the server: %w", err)
	}
	fmt.Println(handle.Port)
	if err := <-handle.Done; err != nil {
		return fmt.Errorf("the server stopped: %w", err)
	}
	return nil
}
