using System.Collections.Immutable;
using StackDepth.Ir;
using StackDepth.Native.Spec;

namespace StackDepth.Compile;

/// <summary>A query as the kernel gets it: inert and comparable.</summary>
internal sealed record CompiledQuery(IrProgram Ir, ProgramSpec Program, ImmutableArray<MapSpec> Maps, ResultLayout Results, AggregateLayout? Aggregate, EventLayout? Event, EventLayout? Key);
