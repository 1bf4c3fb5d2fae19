namespace StackDepth.Native.Symbols.Demangling.Itanium;

internal sealed class Identifier(string text) : Node
{
    internal string Text { get; } = text;
}

/// <summary>A name of the standard library that the ABI has an abbreviation for, or <c>std</c> itself.</summary>
internal sealed class StandardName(string text) : Node
{
    internal string Text { get; } = text;
}

internal sealed class QualifiedName(Node scope, Node member) : Node
{
    internal Node Scope { get; } = scope;

    internal Node Member { get; } = member;

    internal override ReadOnlySpan<Node?> Parts => new Node?[] { Scope, Member };
}

/// <summary>Something that is declared within a function.</summary>
internal sealed class LocalName(Node function, Node entity) : Node
{
    internal Node Function { get; } = function;

    internal Node Entity { get; } = entity;

    internal override ReadOnlySpan<Node?> Parts => new Node?[] { Function, Entity };
}

/// <summary>A name with its function type, and the requires-clause behind it, if any.</summary>
internal sealed class TypedName(Node name, FunctionType type, Node? constraint) : Node
{
    internal Node Name { get; } = name;

    internal FunctionType Type { get; } = type;

    internal Node? Constraint { get; } = constraint;

    internal override ReadOnlySpan<Node?> Parts => new Node?[] { Name, Type };
}

internal sealed class TemplateInstance(Node template, ArgumentList arguments) : Node
{
    internal Node Template { get; } = template;

    internal ArgumentList Arguments { get; } = arguments;

    internal override ReadOnlySpan<Node?> Parts => new Node?[] { Template, Arguments };
}

/// <summary>A name with an ABI tag: <c>list[abi:cxx11]</c>.</summary>
internal sealed class TaggedName(Node name, Node tag) : Node
{
    internal Node Name { get; } = name;

    internal Node Tag { get; } = tag;
}

/// <summary>A friend whose constraints depend on the class that befriends it: it is mangled as if it were a member.</summary>
internal sealed class FriendName(Node name) : Node
{
    internal Node Name { get; } = name;
}

/// <summary>A name that belongs to a C++20 module.</summary>
internal sealed class ModuleMember(Node name, ModuleName module) : Node
{
    internal Node Name { get; } = name;

    internal ModuleName Module { get; } = module;
}

internal sealed class ModuleName(ModuleName? parent, string part, bool partition) : Node
{
    internal ModuleName? Parent { get; } = parent;

    internal string Part { get; } = part;

    internal bool Partition { get; } = partition;

    internal int Depth { get; } = parent is null ? 0 : parent.Depth + 1;
}

/// <summary>A constructor, or a destructor.</summary>
internal sealed class StructorName(Node className, bool destructor) : Node
{
    internal Node ClassName { get; } = className;

    internal bool Destructor { get; } = destructor;

    internal override ReadOnlySpan<Node?> Parts => new Node?[] { ClassName };
}

internal sealed class OperatorName(Operator op) : Node
{
    internal Operator Operator { get; } = op;
}

internal sealed class VendorOperator(int arity, Node name) : Node
{
    internal int Arity { get; } = arity;

    internal Node Name { get; } = name;

    internal override ReadOnlySpan<Node?> Parts => new Node?[] { Name };
}

internal sealed class ConversionOperator(Node type) : Node
{
    internal Node Type { get; } = type;

    internal override ReadOnlySpan<Node?> Parts => new Node?[] { Type };
}

/// <summary>A closure's type. <paramref name="head"/> are the template parameters that the lambda names itself (C++20).</summary>
internal sealed class LambdaName(TemplateParameterDeclaration[] head, ArgumentList parameters, int number) : Node
{
    internal TemplateParameterDeclaration[] Head { get; } = head;

    internal ArgumentList Parameters { get; } = parameters;

    internal int Number { get; } = number;
}

internal sealed class UnnamedType(int number) : Node
{
    internal int Number { get; } = number;
}

/// <summary>Something within a default argument of a function.</summary>
internal sealed class DefaultArgument(int number, Node entity) : Node
{
    internal int Number { get; } = number;

    internal Node Entity { get; } = entity;
}

internal sealed class StructuredBinding(Node[] names) : Node
{
    internal Node[] Names { get; } = names;
}

/// <summary>What the compiler made for something: a vtable, a thunk, a guard variable ...</summary>
internal sealed class SpecialName(string description, Node entity) : Node
{
    internal string Description { get; } = description;

    internal Node Entity { get; } = entity;

    internal override ReadOnlySpan<Node?> Parts => new Node?[] { Entity };
}

internal sealed class ConstructionVtable(Node derived, Node inBase) : Node
{
    internal Node Derived { get; } = derived;

    internal Node Base { get; } = inBase;

    internal override ReadOnlySpan<Node?> Parts => new Node?[] { Derived, Base };
}

/// <summary>A part or copy of a function that the compiler split off or made: <c>.cold</c>, <c>.isra.0</c> ...</summary>
internal sealed class Clone(Node function, string suffix) : Node
{
    internal Node Function { get; } = function;

    internal string Suffix { get; } = suffix;
}
