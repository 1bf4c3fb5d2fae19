namespace StackDepth.Native.Symbols.Demangling.Itanium;

/// <summary>
/// What C++ writes around a declared name, from the inside out: the name itself, a pointer, the parameters of a function, an array's
/// bounds. A type is printed with what goes around it, because only what is innermost knows where that is written.
/// </summary>
internal sealed record Declarator(Node Node, TemplateScope? Scope, Declarator? Next);

/// <summary>The template whose arguments the parameters T_, T0_ ... stand for, and those around it.</summary>
internal sealed record TemplateScope(TemplateInstance Template, TemplateScope? Outer);
