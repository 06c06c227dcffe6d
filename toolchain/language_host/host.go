package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/pulumi/pulumi/sdk/v3/go/common/util/rpcutil"
	"github.com/pulumi/pulumi/sdk/v3/go/common/version"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"github.com/pulumi/pulumi/sdk/v3/python/toolchain"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/types/known/emptypb"
)

// host is the LanguageRuntime service. What it embeds refuses the calls that write new projects and SDKs
// (`pulumi new`, `pulumi package add`, `pulumi package pack-sdk`): this project has no use for them.
type host struct {
	pulumirpc.UnimplementedLanguageRuntimeServer

	script    string
	tracing   string
	engine    string
	cancelled context.Context
	cancel    context.CancelFunc
}

func newHost(script, tracing, engine string) *host {
	cancelled, cancel := context.WithCancel(context.Background())
	return &host{script: script, tracing: tracing, engine: engine, cancelled: cancelled, cancel: cancel}
}

// Handshake takes the engine's address from an engine that did not start this process.
func (h *host) Handshake(
	_ context.Context, request *pulumirpc.LanguageHandshakeRequest,
) (*pulumirpc.LanguageHandshakeResponse, error) {
	h.engine = request.EngineAddress
	if err := rpcutil.Healthcheck(h.cancelled, h.engine, engineCheck, h.cancel); err != nil {
		return nil, fmt.Errorf("watching the engine: %w", err)
	}
	return &pulumirpc.LanguageHandshakeResponse{}, nil
}

// Cancel interrupts the program that runs.
func (h *host) Cancel(context.Context, *emptypb.Empty) (*emptypb.Empty, error) {
	h.cancel()
	return &emptypb.Empty{}, nil
}

// GetPluginInfo is the version of the SDK that this host is built from.
func (h *host) GetPluginInfo(context.Context, *emptypb.Empty) (*pulumirpc.PluginInfo, error) {
	return &pulumirpc.PluginInfo{Version: version.Version}, nil
}

// About says which Python runs the program, for `pulumi about`.
func (h *host) About(ctx context.Context, request *pulumirpc.AboutRequest) (*pulumirpc.AboutResponse, error) {
	options := toolchain.PythonOptions{Toolchain: toolchain.Pip}
	if info := request.GetInfo(); info != nil {
		var err error
		if options, err = pythonOptions(info, false); err != nil {
			return nil, err
		}
	}
	python, err := toolchain.ResolveToolchain(options)
	if err != nil {
		return nil, err
	}
	about, err := python.About(ctx)
	if err != nil {
		return nil, err
	}
	return &pulumirpc.AboutResponse{
		Executable: about.PythonExecutable,
		Version:    about.PythonVersion.String(),
		Metadata: map[string]string{
			"toolchain":        toolchain.Name(options.Toolchain),
			"toolchainVersion": about.ToolchainVersion.String(),
			"typechecker":      toolchain.TypeCheckerName(options.Typechecker),
		},
	}, nil
}

// InstallDependencies is `pulumi install`: the virtual environment and requirements.txt, where there is one.
func (h *host) InstallDependencies(
	request *pulumirpc.InstallDependenciesRequest, server pulumirpc.LanguageRuntime_InstallDependenciesServer,
) error {
	python, err := pythonOf(request.Info, request.IsPlugin)
	if err != nil {
		return err
	}
	streams, stdout, stderr, err := rpcutil.MakeInstallDependenciesStreams(server, request.IsTerminal)
	if err != nil {
		return err
	}
	defer streams.Close()
	fmt.Fprint(stdout, "Installing dependencies...\n\n")
	err = python.InstallDependencies(
		server.Context(), request.Info.ProgramDirectory, request.UseLanguageVersionTools, true, stdout, stderr)
	if err != nil {
		return err
	}
	fmt.Fprint(stdout, "Finished installing dependencies\n\n")
	return streams.Close()
}

// RuntimeOptionsPrompts asks for nothing: Pulumi.yaml has the options.
func (h *host) RuntimeOptionsPrompts(
	context.Context, *pulumirpc.RuntimeOptionsRequest,
) (*pulumirpc.RuntimeOptionsResponse, error) {
	return &pulumirpc.RuntimeOptionsResponse{}, nil
}

// connect is a client of the engine; the function ends its connection.
func (h *host) connect() (pulumirpc.EngineClient, func(), error) {
	if h.engine == "" {
		return nil, nil, errors.New("the engine's address is unknown: Handshake comes before Run")
	}
	connection, err := grpc.NewClient(
		h.engine, grpc.WithTransportCredentials(insecure.NewCredentials()), rpcutil.GrpcChannelOptions())
	if err != nil {
		return nil, nil, fmt.Errorf("connecting to the engine: %w", err)
	}
	return pulumirpc.NewEngineClient(connection), func() { _ = connection.Close() }, nil
}

// pythonOf is the Python of a program or a plugin.
func pythonOf(info *pulumirpc.ProgramInfo, isPlugin bool) (toolchain.Toolchain, error) {
	options, err := pythonOptions(info, isPlugin)
	if err != nil {
		return nil, err
	}
	return toolchain.ResolveToolchain(options)
}

// pythonOptions reads the `options` of `runtime` in Pulumi.yaml or PulumiPolicy.yaml. isPlugin gives a plugin that
// names no virtual environment one of its own, as the official host does.
func pythonOptions(info *pulumirpc.ProgramInfo, isPlugin bool) (toolchain.PythonOptions, error) {
	options := toolchain.PythonOptions{Root: info.RootDirectory, ProgramDir: info.ProgramDirectory}
	given := info.Options.AsMap()
	texts := map[string]string{}
	for _, name := range []string{"virtualenv", "typechecker", "toolchain"} {
		value, ok := given[name]
		if !ok {
			continue
		}
		text, ok := value.(string)
		if !ok {
			return options, fmt.Errorf("%s option must be a string", name)
		}
		texts[name] = text
	}
	options.Virtualenv = texts["virtualenv"]
	if checker, ok := texts["typechecker"]; ok {
		switch checker {
		case "mypy":
			options.Typechecker = toolchain.TypeCheckerMypy
		case "pyright":
			options.Typechecker = toolchain.TypeCheckerPyright
		default:
			return options, fmt.Errorf("unsupported typechecker option: %s", checker)
		}
	}
	if name, ok := texts["toolchain"]; ok {
		switch name {
		case "pip":
			options.Toolchain = toolchain.Pip
		case "poetry":
			options.Toolchain = toolchain.Poetry
		case "uv":
			options.Toolchain = toolchain.Uv
		default:
			return options, fmt.Errorf("unsupported toolchain option: %s", name)
		}
	}
	usesPip := options.Toolchain == toolchain.Pip || options.Toolchain == toolchain.Auto
	if isPlugin && usesPip && options.Virtualenv == "" {
		options.Virtualenv = "venv"
	}
	return options, nil
}
