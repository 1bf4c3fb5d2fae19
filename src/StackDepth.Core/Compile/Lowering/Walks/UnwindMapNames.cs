namespace StackDepth.Compile.Lowering.Walks;

internal static class UnwindMapNames
{
    internal const string Files = "unwind_files";
    internal const string Tables = "unwind_tables";
    internal const string Rules = "unwind_rules";
    internal const string Requests = "unwind_requests";
    internal const int RequestBytes = 40;
    internal const int FileIndexWord = 0;
    internal const int FileFirstPage = 4;
    internal const int FilePageCount = 8;
    internal const int FileFlags = 12;
    internal const int FilePlainStart = 16;
    internal const int FilePlainLength = 20;
    internal const int Ready = 1;
    internal const int NoTable = 4;
    internal const int Unusable = 8;
}
