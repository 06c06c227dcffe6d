package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"

	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"github.com/pulumi/pulumi/sdk/v3/python/toolchain"
)

const (
	// configVariable and secretsVariable are where the SDK reads the stack's config from.
	configVariable  = "PULUMI_CONFIG"
	secretsVariable = "PULUMI_CONFIG_SECRET_KEYS"

	// userKnows is the exit code of a program that has already shown why it failed.
	userKnows = 32

	// interruptGrace is the time that an interrupted program has before it is killed.
	interruptGrace = 5 * time.Second
)

// Run runs a program to its end, in a process of its own: the executor, on the Python that Pulumi.yaml names.
func (h *host) Run(ctx context.Context, request *pulumirpc.RunRequest) (*pulumirpc.RunResponse, error) {
	if h.engine == "" {
		return nil, errors.New("the engine's address is unknown: Handshake comes before Run")
	}
	if request.GetAttachDebugger() {
		return &pulumirpc.RunResponse{Error: "this language host has no debugger; Pulumi's own has one"}, nil
	}
	options, err := pythonOptions(request.Info, false)
	if err != nil {
		return nil, err
	}
	python, err := toolchain.ResolveToolchain(options)
	if err != nil {
		return nil, err
	}
	if err := python.ValidateVenv(ctx); err != nil {
		return nil, err
	}
	running, stop := context.WithCancel(h.cancelled)
	defer stop()
	defer context.AfterFunc(ctx, stop)()
	command, err := python.Command(running, append([]string{h.script}, h.arguments(request)...)...)
	if err != nil {
		return nil, err
	}
	if err := configure(command, request); err != nil {
		return nil, err
	}
	if err := checkTypes(ctx, python, options, request.Info.ProgramDirectory); err != nil {
		return nil, err
	}
	return outcome(command.Run())
}

// arguments are the executor's: what is unset is left out.
func (h *host) arguments(request *pulumirpc.RunRequest) []string {
	var arguments []string
	for _, option := range [][2]string{
		{"monitor", request.GetMonitorAddress()},
		{"engine", h.engine},
		{"project", request.GetProject()},
		{"root_directory", request.GetInfo().RootDirectory},
		{"stack", request.GetStack()},
		{"pwd", request.GetPwd()},
		{"dry_run", strconv.FormatBool(request.GetDryRun())},
		{"parallel", strconv.Itoa(int(request.GetParallel()))},
		{"tracing", h.tracing},
		{"organization", request.GetOrganization()},
	} {
		if option[1] != "" {
			arguments = append(arguments, "--"+option[0], option[1])
		}
	}
	return append(append(arguments, request.Info.EntryPoint), request.GetArgs()...)
}

// configure gives a program its streams, its config, and the way in which it is interrupted.
func configure(command *exec.Cmd, request *pulumirpc.RunRequest) error {
	command.Stdout, command.Stderr = os.Stdout, os.Stderr
	command.WaitDelay = interruptGrace
	command.Cancel = func() error {
		if err := command.Process.Signal(os.Interrupt); err != nil {
			return command.Process.Kill()
		}
		return nil
	}
	if command.Env == nil {
		command.Env = os.Environ()
	}
	if values := request.GetConfig(); values != nil {
		text, err := json.Marshal(values)
		if err != nil {
			return fmt.Errorf("writing the config: %w", err)
		}
		command.Env = append(command.Env, configVariable+"="+string(text))
	}
	secrets := request.GetConfigSecretKeys()
	if secrets == nil {
		secrets = []string{}
	}
	text, err := json.Marshal(secrets)
	if err != nil {
		return fmt.Errorf("writing the names of the config's secrets: %w", err)
	}
	command.Env = append(command.Env, secretsVariable+"="+string(text))
	return nil
}

// checkTypes runs the type checker of Pulumi.yaml, if it names one.
func checkTypes(ctx context.Context, python toolchain.Toolchain, options toolchain.PythonOptions, folder string) error {
	var arguments []string
	switch options.Typechecker {
	case toolchain.TypeCheckerMypy:
		environment, err := python.VirtualEnvPath(ctx)
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(folder, environment)
		if err != nil {
			return err
		}
		arguments = []string{"-m", "mypy", "--exclude", relative, folder}
	case toolchain.TypeCheckerPyright:
		arguments = []string{"-m", "pyright", folder}
	default:
		return nil
	}
	command, err := python.Command(ctx, arguments...)
	if err != nil {
		return err
	}
	var output bytes.Buffer
	command.Dir = folder
	command.Stdout, command.Stderr = io.MultiWriter(os.Stdout, &output), io.MultiWriter(os.Stderr, &output)
	if err := command.Run(); err != nil {
		return fmt.Errorf("%s failed: %w\n%s", arguments[1], err, output.String())
	}
	return nil
}

// outcome tells the engine how a program ended.
func outcome(err error) (*pulumirpc.RunResponse, error) {
	if err == nil {
		return &pulumirpc.RunResponse{}, nil
	}
	var exit *exec.ExitError
	switch {
	case !errors.As(err, &exit):
		err = fmt.Errorf("problem executing program (could not run language executor): %w", err)
	case exit.ExitCode() == userKnows:
		return &pulumirpc.RunResponse{Bail: true}, nil
	default:
		// A program that was ended by a signal has the code -1, as the official host reports it.
		err = fmt.Errorf("program exited with non-zero exit code: %d", exit.ExitCode())
	}
	return &pulumirpc.RunResponse{Error: err.Error()}, nil
}
